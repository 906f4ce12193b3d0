// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/bare_newline_exemptions.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/body_scanner.h"
#include "engine/verdict.h"
#include "gtest/gtest.h"

namespace postern::policy {
namespace {

Verdict Decide(std::vector<std::string> networks, absl::string_view address,
               Ask ask) {
  absl::StatusOr<NetworkList> list = NetworkList::Parse(networks);
  EXPECT_TRUE(list.ok()) << list.status();
  BareNewlineExemptions policy(*std::move(list));
  auto session = std::make_shared<SessionInfo>();
  session->remote_address = std::string(address);
  std::vector<Verdict> answers;
  policy.Decide(ask, session, [&](Verdict verdict) {
    answers.push_back(std::move(verdict));
  });
  EXPECT_EQ(answers.size(), 1u);
  return answers.at(0);
}

TEST(BareNewlineExemptionsTest, NormalizesForTheClientsOfItsList) {
  const struct {
    absl::string_view address;
    bool exempt;
  } cases[] = {
      {"192.0.2.1", true},        {"192.0.3.1", false},
      {"::ffff:192.0.2.1", true}, {"2001:db8::1", true},
      {"2001:db9::1", false},     {"", false},
      {"192.0.2.1.evil", false},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(std::string(c.address));
    const Verdict verdict = Decide({"192.0.2.0/24", "2001:db8::/32"}, c.address,
                                   {RequestId{1}, BodyBegin{}});
    EXPECT_TRUE(verdict.accepted());
    EXPECT_FALSE(verdict.reply().has_value());
    EXPECT_EQ(verdict.bare_newlines().has_value(), c.exempt);
    if (c.exempt) {
      EXPECT_EQ(*verdict.bare_newlines(), BareNewlines::kNormalize);
    }
  }
  EXPECT_FALSE(Decide({}, "192.0.2.1", {RequestId{1}, BodyBegin{}})
                   .bare_newlines()
                   .has_value());
}

TEST(BareNewlineExemptionsTest, AcceptsAllElseAndChangesNothing) {
  for (const Ask& ask :
       {Ask{RequestId{1}, Connected{}}, Ask{RequestId{1}, Hello{}},
        Ask{RequestId{1}, Mail{}}, Ask{RequestId{1}, Rcpt{}},
        Ask{RequestId{1}, Verify{}}}) {
    const Verdict verdict = Decide({"192.0.2.0/24"}, "192.0.2.1", ask);
    EXPECT_TRUE(verdict.accepted());
    EXPECT_FALSE(verdict.reply().has_value());
    EXPECT_FALSE(verdict.path().has_value());
    EXPECT_FALSE(verdict.bare_newlines().has_value());
  }
}

}  // namespace
}  // namespace postern::policy
