// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A policy for generated sessions.

#ifndef POSTERN_FUZZ_JUDGE_H_
#define POSTERN_FUZZ_JUDGE_H_

#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "engine/event.h"
#include "engine/path.h"
#include "engine/verdict.h"
#include "gtest/gtest.h"

namespace postern {

// Answers a question by nothing but what it says: mostly by the first letter
// of the name that it is about. Expects of an envelope that whom it has
// refused is not in it.
struct Judge {
  using Answer = std::optional<Verdict>;

  const Envelope& envelope;
  const bool greets;      // does not refuse the connection
  const bool may_ignore;  // may give no answer

  Answer OfName(absl::string_view name) const {
    switch (name.empty() ? 'a' : name[0]) {
      case 'e':
        return Verdict::Refuse({553, {5, 7, 1}, "evil"});
      case 'f':
        return Verdict::AcceptAs({"fixed", "d"});
      case 'l':
        return Verdict::Refuse({450, {4, 2, 0}, absl::StrCat("l\n", name)});
      case 't':
        return Verdict::Drop({554, {5, 7, 1}, "trap"});
      case 'z':
        if (may_ignore) return std::nullopt;
        break;
    }
    return Verdict::Accept();
  }

  Answer operator()(const Connected&) const {
    return OfName(greets ? "" : "evil");
  }
  Answer operator()(const Hello& hello) const {
    return OfName(hello.client_name);
  }
  Answer operator()(const Mail& mail) const {
    return OfName(mail.from.local_part);
  }
  Answer operator()(const Rcpt& rcpt) const {
    return OfName(rcpt.to.local_part);
  }
  Answer operator()(const Verify& verify) const {
    return OfName(verify.argument);
  }
  Answer operator()(const BodyBegin&) const {
    ExpectAccepted();
    return OfName(envelope.to.size() == 3 ? "later" : "");
  }
  Answer operator()(const BodyEnd& end) const {
    ExpectAccepted();
    return OfName(end.size % 7 == 1    ? "evil"
                  : end.size % 11 == 3 ? "trap"
                                       : "");
  }

  void ExpectAccepted() const {
    EXPECT_FALSE(envelope.to.empty());
    for (const Path& to : envelope.to) {
      const Answer answer = OfName(to.local_part);
      EXPECT_TRUE(answer && answer->accepted() &&
                  answer->path().value_or(to) == to)
          << FormatPath(to);
    }
  }
};

}  // namespace postern

#endif  // POSTERN_FUZZ_JUDGE_H_
