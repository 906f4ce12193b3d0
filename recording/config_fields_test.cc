// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "recording/config_fields.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "engine/server_config.h"
#include "gtest/gtest.h"

namespace postern::recording {
namespace {

// A ServerConfig in which no field has its default. The structured binding does
// not compile if the struct has another number of fields: add the new field
// here and to kFields.
ServerConfig NoDefaults() {
  ServerConfig config;
  auto& [greeting, require_hello, lmtp, extensions, carried, more_verbs,
         announce_limits, hold_limits, min_deliver_by, offer_starttls,
         require_tls, mechanisms, mechanisms_without_tls, require_auth,
         old_auth_line, xclient, xclient_login, early_talk, pipelining,
         max_message_size, max_recipients, max_messages, max_line,
         max_auth_line, max_output, max_errors, max_invalid_recipients,
         max_reported, max_auth_failures, max_discarded, max_hops,
         max_open_asks, bare_newlines, strictness, command_timeout,
         data_timeout, data_block, bare_newline_timeout] = config;
  greeting = "mx.test be brief";
  require_hello = !require_hello;
  lmtp = !lmtp;
  extensions = {Extension::kDsn, Extension::kChunking};
  carried = {Extension::kDsn};
  more_verbs = {"ETRN", "EXPN"};
  announce_limits = !announce_limits;
  hold_limits.emplace(HoldLimits{absl::Hours(2), absl::FromUnixSeconds(2e9)});
  min_deliver_by = absl::Seconds(90);
  offer_starttls = !offer_starttls;
  require_tls = !require_tls;
  mechanisms = {"PLAIN", "LOGIN"};
  mechanisms_without_tls = {"SCRAM-SHA-256"};
  require_auth = !require_auth;
  old_auth_line = !old_auth_line;
  xclient = !xclient;
  xclient_login = !xclient_login;
  early_talk = OutOfTurn::kReject;
  pipelining = OutOfTurn::kReject;
  bare_newlines = BareNewlines::kNormalize;
  strictness = Strictness::kLenient;
  for (uint64_t* each : {&max_message_size, &max_discarded}) *each += 7;
  for (size_t* each : {&max_recipients, &max_line, &max_auth_line, &max_output,
                       &max_open_asks, &data_block}) {
    *each += 7;
  }
  for (int* each : {&max_messages, &max_errors, &max_invalid_recipients,
                    &max_reported, &max_auth_failures, &max_hops}) {
    *each += 7;
  }
  for (absl::Duration* each :
       {&command_timeout, &data_timeout, &bare_newline_timeout}) {
    *each += absl::Milliseconds(1500);
  }
  return config;
}

TEST(ConfigFieldsTest, EveryFieldIsWrittenAndRead) {
  const ServerConfig all = NoDefaults();
  const std::string text = FormatFields(all, ServerConfig());
  // All fields but max_open_asks.
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 37) << text;
  ServerConfig read;
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    ASSERT_TRUE(absl::ConsumePrefix(&line, "set "));
    EXPECT_TRUE(SetField(line, &read).ok()) << line;
  }
  EXPECT_EQ(FormatFields(read, all), "");
  EXPECT_EQ(FormatFields(all, read), "");
  // And back: an empty list and no limits can be written, too.
  for (absl::string_view line : absl::StrSplit(
           FormatFields(ServerConfig(), all), '\n', absl::SkipEmpty())) {
    ASSERT_TRUE(absl::ConsumePrefix(&line, "set "));
    EXPECT_TRUE(SetField(line, &read).ok()) << line;
  }
  EXPECT_EQ(FormatFields(read, ServerConfig()), "");
}

TEST(ConfigFieldsTest, NamesWhatIsWrong) {
  ServerConfig config;
  EXPECT_EQ(SetField("max_fun 1", &config).message(), "unknown key");
  EXPECT_EQ(SetField("max_errors many", &config).message(), "bad value");
  EXPECT_EQ(SetField("extensions DSM", &config).message(), "bad value");
}

}  // namespace
}  // namespace postern::recording
