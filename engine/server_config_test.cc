// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/server_config.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace postern {
namespace {

constexpr HoldLimits kHold = {absl::Hours(1), absl::InfinitePast()};

TEST(ServerConfigTest, RefusesUnusableValues) {
  struct Row {
    absl::string_view field;
    void (*change)(ServerConfig*);
  };
  constexpr Row kRows[] = {
      {"greeting", [](ServerConfig* c) { c->greeting.clear(); }},
      {"greeting", [](ServerConfig* c) { c->greeting = "a\r\nb"; }},
      {"greeting", [](ServerConfig* c) { c->greeting.assign(401, 'a'); }},
      {"max_line", [](ServerConfig* c) { c->max_line = 1410; }},
      {"require_tls", [](ServerConfig* c) { c->require_tls = true; }},
      {"require_auth", [](ServerConfig* c) { c->require_auth = true; }},
      {"mechanisms:", [](ServerConfig* c) { c->mechanisms = {"plain"}; }},
      {"mechanisms:", [](ServerConfig* c) { c->mechanisms = {""}; }},
      {"mechanisms:", [](ServerConfig* c) { c->mechanisms = {"A B"}; }},
      {"mechanisms:",
       [](ServerConfig* c) { c->mechanisms = {std::string(21, 'A')}; }},
      {"mechanisms:",
       [](ServerConfig* c) { c->mechanisms.assign(81, "PLAIN"); }},
      {"mechanisms_without_tls:",
       [](ServerConfig* c) { c->mechanisms_without_tls = {"plain"}; }},
      {"max_auth_line", [](ServerConfig* c) { c->max_auth_line = 12289; }},
      {"max_auth_failures", [](ServerConfig* c) { c->max_auth_failures = 0; }},
      {"max_messages", [](ServerConfig* c) { c->max_messages = -1; }},
      {"hold_limits", [](ServerConfig* c) { c->hold_limits.emplace(kHold); }},
      {"hold_limits",
       [](ServerConfig* c) {
         c->hold_limits.emplace(kHold).latest = absl::FromUnixSeconds(1);
         c->hold_limits->longest = absl::Milliseconds(999);
       }},
      {"hold_limits",
       [](ServerConfig* c) {
         c->hold_limits.emplace(kHold).latest = absl::FromUnixSeconds(1);
         c->hold_limits->longest = absl::Seconds(1000000000);
       }},
      {"hold_limits",
       [](ServerConfig* c) {
         c->hold_limits.emplace(kHold).latest = absl::InfiniteFuture();
       }},
      {"hold_limits",
       [](ServerConfig* c) {  // the year 10000
         c->hold_limits.emplace(kHold).latest =
             absl::FromUnixSeconds(253402300800);
       }},
      {"min_deliver_by",
       [](ServerConfig* c) { c->min_deliver_by = -absl::Seconds(1); }},
      {"min_deliver_by",
       [](ServerConfig* c) { c->min_deliver_by = absl::InfiniteDuration(); }},
      {"data_block", [](ServerConfig* c) { c->data_block = 0; }},
      {"max_recipients", [](ServerConfig* c) { c->max_recipients = 0; }},
      {"max_output", [](ServerConfig* c) { c->max_output = 4095; }},
      {"max_errors", [](ServerConfig* c) { c->max_errors = 0; }},
      {"max_invalid_recipients",
       [](ServerConfig* c) { c->max_invalid_recipients = -1; }},
      {"max_hops", [](ServerConfig* c) { c->max_hops = 0; }},
      {"max_open_asks", [](ServerConfig* c) { c->max_open_asks = 0; }},
      {"command_timeout",
       [](ServerConfig* c) { c->command_timeout = absl::ZeroDuration(); }},
      {"data_timeout",
       [](ServerConfig* c) { c->data_timeout = -absl::Seconds(1); }},
      {"bare_newline_timeout",
       [](ServerConfig* c) { c->bare_newline_timeout = absl::ZeroDuration(); }},
  };
  for (const Row& row : kRows) {
    ServerConfig config;
    config.greeting = "mx";
    EXPECT_TRUE(config.Validate().ok());
    row.change(&config);
    const absl::Status status = config.Validate();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << row.field;
    EXPECT_EQ(status.message().substr(0, row.field.size()), row.field);
  }
}

TEST(ServerConfigTest, AcceptsValuesAtTheirLimits) {
  ServerConfig config;
  config.greeting.assign(400, 'a');
  config.offer_starttls = true;
  config.require_tls = true;
  config.require_auth = true;
  config.mechanisms = {"PLAIN", "SCRAM-SHA-256-PLUS", "X_1"};
  config.max_line = 1411;
  config.max_output = 4096;
  config.hold_limits.emplace(HoldLimits{absl::Seconds(999999999),
                                        absl::FromUnixSeconds(253402300799)});
  config.min_deliver_by = absl::Seconds(999999999);
  EXPECT_EQ(config.Validate(), absl::OkStatus());
  EXPECT_EQ(config.InputRoom(), 12290u);
  config.max_line = 20000;
  EXPECT_EQ(config.InputRoom(), 20000u);
  config.mechanisms.clear();
  config.require_auth = false;
  config.max_line = 1411;
  EXPECT_EQ(config.Validate(), absl::OkStatus());
  EXPECT_EQ(config.InputRoom(), 1411u);
}

}  // namespace
}  // namespace postern
