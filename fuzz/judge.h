// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A policy for generated sessions.

#ifndef POSTERN_FUZZ_JUDGE_H_
#define POSTERN_FUZZ_JUDGE_H_

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "engine/ask.h"
#include "engine/grammar/path.h"
#include "engine/server_config.h"
#include "engine/verdict.h"
#include "gtest/gtest.h"
#include "tests/replay.h"

namespace postern {

// Answers a question depending only on its content, mostly on the first letter
// of the name that it contains. Expects that an envelope contains no recipient
// that it refused.
struct Judge {
  using Answer = std::optional<AnyAnswer>;

  const ServerConfig& config;
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
  Answer operator()(const StartTls&) const { return Verdict::Accept(); }
  // Each challenge depends on the response, so that an exchange ends.
  Answer operator()(const AuthBegin& auth) const {
    if (!auth.initial_response) return AuthChallenge{auth.mechanism};
    return OfBytes(*auth.initial_response);
  }
  Answer operator()(const AuthResponse& response) const {
    return OfBytes(response.bytes);
  }
  Answer OfBytes(absl::string_view bytes) const {
    if (absl::StartsWith(bytes, "g")) return AuthGranted{std::string(bytes)};
    if (absl::StartsWith(bytes, "c")) return AuthChallenge{std::string(bytes)};
    return OfName(bytes.empty() || bytes[0] == 't' ? bytes : "evil");
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
  Answer operator()(const Other& other) const { return OfName(other.argument); }
  Answer operator()(const BodyBegin&) const {
    ExpectAccepted();
    if (envelope.to.size() == 2) {
      return Verdict::AcceptWith(BareNewlines::kNormalize);
    }
    return OfName(envelope.to.size() == 3 ? "later" : "");
  }
  Answer operator()(const BodyEnd& end) const {
    ExpectAccepted();
    if (config.lmtp && end.size % 5 == 2) {
      std::vector<Verdict> each;
      for (size_t i = 0; i < envelope.to.size(); ++i) {
        each.push_back(i % 2 == 0 ? Verdict::Accept()
                                  : Verdict::Refuse({452, {4, 2, 2}, "full"}));
      }
      return each;
    }
    return OfName(end.size % 7 == 1    ? "evil"
                  : end.size % 11 == 3 ? "trap"
                                       : "");
  }

  void ExpectAccepted() const {
    EXPECT_FALSE(envelope.to.empty());
    for (const Recipient& recipient : envelope.to) {
      const Path& to = recipient.path;
      const Answer answer = OfName(to.local_part);
      const auto* verdict = answer ? std::get_if<Verdict>(&*answer) : nullptr;
      EXPECT_TRUE(verdict && verdict->accepted() &&
                  verdict->path().value_or(to) == to)
          << FormatPath(to);
    }
  }
};

}  // namespace postern

#endif  // POSTERN_FUZZ_JUDGE_H_
