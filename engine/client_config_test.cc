// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/client_config.h"

#include <string>

#include "absl/strings/match.h"
#include "gtest/gtest.h"

namespace postern {
namespace {

TEST(ClientConfigTest, NamesTheInvalidField) {
  const auto status = [](const ClientConfig& config) {
    return std::string(config.Validate().message());
  };
  EXPECT_EQ(status({.host_name = "c"}), "");
  EXPECT_EQ(status({.host_name = "[IPv6:::1]"}), "");
  for (const std::string& name :
       {std::string(), std::string("a b"), std::string("a\r\nRSET"),
        std::string("a\0", 2), std::string("\x80"), std::string(256, 'a')}) {
    EXPECT_TRUE(absl::StartsWith(status({.host_name = name}), "host_name"));
  }
  EXPECT_TRUE(absl::StartsWith(status({.host_name = "c", .max_line = 511}),
                               "max_line"));
  EXPECT_TRUE(absl::StartsWith(status({.host_name = "c", .max_reply = 4095}),
                               "max_reply"));
  EXPECT_TRUE(absl::StartsWith(status({.host_name = "c", .max_pipelined = 0}),
                               "max_pipelined"));
  EXPECT_TRUE(absl::StartsWith(status({.host_name = "c", .data_block = 0}),
                               "data_block"));
}

}  // namespace
}  // namespace postern
