// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/grammar/verb.h"

#include <set>
#include <string>

#include "absl/strings/ascii.h"
#include "gtest/gtest.h"

namespace postern {
namespace {

TEST(VerbTest, FindsEachRowByNameInAnyCase) {
  std::set<std::string> names;
  for (const VerbRow& row : VerbTable()) {
    EXPECT_TRUE(names.insert(std::string(row.name)).second) << row.name;
    EXPECT_EQ(absl::AsciiStrToUpper(row.name), row.name);
    EXPECT_EQ(&FindVerb(row.name), &row);
    EXPECT_EQ(&FindVerb(absl::AsciiStrToLower(row.name)), &row);
  }
}

TEST(VerbTest, OtherNamesAreUnknown) {
  for (absl::string_view name :
       {"", "EHL", "EHLOO", "XYZZY", "EHLO ", "STARTTLSX"}) {
    EXPECT_EQ(FindVerb(name).verb, Verb::kUnknown) << name;
  }
}

// RFC 5321 3.1: after a 554 greeting a client may only send QUIT.
TEST(VerbTest, ARefusedClientMayOnlyQuit) {
  for (const VerbRow& row : VerbTable()) {
    const bool leaves = row.verb == Verb::kQuit || row.verb == Verb::kWeb;
    EXPECT_EQ(row.AllowedIn(Phase::kRefused), leaves) << row.name;
  }
}

TEST(VerbTest, NamesTheMissingCommand) {
  struct Row {
    Verb verb;
    Phase phase;
    int code;
    absl::string_view text;
  };
  constexpr Row kRows[] = {
      {Verb::kMail, Phase::kRefused, 503,
       "not serving you, QUIT please (#5.5.1)"},
      {Verb::kMail, Phase::kTlsRequired, 530,
       "must issue a STARTTLS command first (#5.7.0)"},
      {Verb::kMail, Phase::kUngreeted, 503, "EHLO first (#5.5.1)"},
      {Verb::kMail, Phase::kAuthRequired, 530,
       "authentication required (#5.7.0)"},
      {Verb::kRcpt, Phase::kIdle, 503, "MAIL first (#5.5.1)"},
      {Verb::kData, Phase::kIdle, 503, "MAIL first (#5.5.1)"},
      {Verb::kData, Phase::kMail, 503, "RCPT first (#5.5.1)"},
      {Verb::kMail, Phase::kMail, 503, "sender already given (#5.5.1)"},
      {Verb::kMail, Phase::kRcpt, 503, "sender already given (#5.5.1)"},
      {Verb::kAuth, Phase::kRcpt, 503, "not in a transaction (#5.5.1)"},
      {Verb::kData, Phase::kChunks, 503, "BDAT LAST first (#5.5.1)"},
      {Verb::kBdat, Phase::kBroken, 503,
       "a BDAT has failed, RSET please (#5.5.1)"},
  };
  for (const Row& row : kRows) {
    const Reply& reply = OutOfSequence(row.verb, row.phase);
    EXPECT_EQ(reply.code, row.code);
    EXPECT_EQ(reply.text, row.text);
  }
}

}  // namespace
}  // namespace postern
