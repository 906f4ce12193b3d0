// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/rules/tcp_rule_line.h"

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace postern::policy {
namespace {

TEST(TcpRuleLineTest, LineMakesTheSameRule) {
  const struct {
    absl::string_view key;
    absl::string_view record;
    std::optional<std::string> line;
  } cases[] = {
      {"", "", ":allow"},
      {"10.", {"D\0", 2}, "10.:deny"},
      {"=.example", {"+A=\0", 4}, "=.example:allow,A=\"\""},
      {"10.", {"+A=\"\0+B='\"\0", 11}, "10.:allow,A='\"',B=/'\"/"},
      {"10.", {"+A=\"'/|%\0", 9}, "10.:allow,A=!\"'/|%!"},
      {"2001:db8:", {"D\0+A=b\0", 7}, "2001:db8::deny,A=\"b\""},
      {"joe@10.0.0.1", "", "joe@10.0.0.1:allow"},
      {"=a-b.example", "", "=a-b.example:allow"},
      // The line would make other rules, or none.
      {"10.1.3-4.", "", std::nullopt},
      {"#10.", "", std::nullopt},
      {"10.\n11.", "", std::nullopt},
      {"10.", {"+A=\n\0", 5}, std::nullopt},
      {"10.", "x", std::nullopt},
      {"10.", "+A=", std::nullopt},
      {"10.", {"+A\0", 3}, std::nullopt},
      {"10.", {"D", 1}, std::nullopt},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(TcpRuleLine(c.key, c.record), c.line) << std::string(c.key);
  }
}

}  // namespace
}  // namespace postern::policy
