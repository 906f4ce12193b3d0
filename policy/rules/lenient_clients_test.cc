// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/rules/lenient_clients.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "engine/grammar/ip_address.h"
#include "engine/grammar/strictness.h"
#include "gtest/gtest.h"

namespace postern::policy {
namespace {

std::optional<IpAddress> Ip(absl::string_view text) {
  return IpAddress::Parse(text);
}

TEST(LenientClientsTest, ListedClientsAreLenient) {
  struct Row {
    absl::string_view value;
    absl::string_view address;
    Strictness mode;
  };
  constexpr Strictness kStrict = Strictness::kStrict;
  constexpr Strictness kLenient = Strictness::kLenient;
  constexpr Row kRows[] = {
      {"", "192.0.2.7", kStrict},
      {"none", "192.0.2.7", kStrict},
      {"all", "192.0.2.7", kLenient},
      {"all", "2001:db8::1", kLenient},
      {"all", "", kLenient},  // a Unix socket
      {"192.0.2.0/24", "192.0.2.7", kLenient},
      {"192.0.2.0/24", "::ffff:192.0.2.7", kLenient},
      {"192.0.2.0/24", "192.0.3.7", kStrict},
      {"192.0.2.0/24", "", kStrict},
      {"198.51.100.1  2001:db8::/32", "2001:db8::7", kLenient},
      {"0.0.0.0/0", "2001:db8::7", kStrict},
  };
  for (const Row& row : kRows) {
    SCOPED_TRACE(std::string(row.value));
    const auto clients = LenientClients::ParseVariable(row.value);
    ASSERT_TRUE(clients.ok()) << clients.status();
    EXPECT_EQ(clients->Of(Ip(row.address)), row.mode)
        << std::string(row.address);
  }
  EXPECT_EQ(LenientClients().Of(Ip("192.0.2.7")), kStrict);
}

TEST(LenientClientsTest, ErrorQuotesTheInvalidEntry) {
  for (absl::string_view value : {"yes", "1", "192.0.2.1/24", "all 192.0.2.1",
                                  "192.0.2.1 none", "all all"}) {
    const auto clients = LenientClients::ParseVariable(value);
    ASSERT_FALSE(clients.ok()) << std::string(value);
    EXPECT_TRUE(absl::StrContains(clients.status().message(), "network '"))
        << clients.status();
  }
}

}  // namespace
}  // namespace postern::policy
