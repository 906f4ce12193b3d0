// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Oracle: the reply codes are those of a model of RFC 4954: when an exchange
// begins and how it ends, that mail needs authentication, and that STARTTLS
// discards it. No line of an exchange is a command. The rules of tests/replay.h
// hold in each manner.

#include <fuzzer/FuzzedDataProvider.h>

#include <cstdint>
#include <iterator>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "engine/server_config.h"
#include "fuzz/auth_model.h"
#include "gtest/gtest.h"
#include "tests/follower.h"
#include "tests/replay.h"

namespace postern {
namespace {

const AuthLine& Pick(FuzzedDataProvider& input, size_t lines) {
  return kAuthLines[input.ConsumeIntegralInRange<size_t>(0, lines - 1)];
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzedDataProvider input(data, size);
  ServerConfig config = {.greeting = "mx"};
  config.max_errors = 1 << 20;
  config.max_auth_failures = AuthModel::kMaxFailures;
  config.require_auth = config.offer_starttls = true;
  config.mechanisms = {"PLAIN"};
  if (input.ConsumeBool()) config.mechanisms_without_tls = {"PLAIN"};
  const size_t cut = input.ConsumeIntegralInRange<size_t>(1, 30);
  AuthModel model(!config.mechanisms_without_tls.empty());
  Flights flights = {""};
  for (int i = 0; i < 30 && input.remaining_bytes() > 0 && !model.closed();
       ++i) {
    const int action = input.ConsumeIntegralInRange(0, 7);
    std::string& wire = flights.back();
    if (action == 0) wire += model.Ehlo();
    if (action == 1) wire += model.Mail();
    if (action == 2) wire += model.Rset();
    if (action == 3) {
      wire += "STARTTLS\r\n";
      if (model.StartTls()) flights.emplace_back();
    }
    if (action < 4) continue;
    const absl::string_view mechanism = action == 4 ? "LOGIN" : "plain";
    absl::StrAppend(&wire, "AUTH ", mechanism);
    const AuthLine* initial = nullptr;
    if (input.ConsumeBool()) {
      initial = &Pick(input, kInitialLines);
      absl::StrAppend(&wire, " ", initial->text);
    }
    wire += "\r\n";
    // Each challenge is answered. The input ends in zeros, which end the
    // exchange.
    for (bool more = model.Auth(mechanism, initial); more;) {
      const AuthLine& line = Pick(input, std::size(kAuthLines));
      absl::StrAppend(&wire, line.text, "\r\n");
      more = model.Line(line);
    }
  }
  const auto replay = [&](const Manner& manner) {
    return Replay(config, flights, WireEnd::kOpen, manner, AuthModel::Answer);
  };
  const Outcome want = replay({.cuts = {std::string::npos}});
  EXPECT_EQ(CodesOf(want.replies), model.codes());
  EXPECT_EQ(want.closed.has_value(), model.closed());
  ExpectOneReplyPerCommand(config, flights, want);
  EXPECT_EQ(replay({.cuts = {cut, 1}, .late = true}), want);
  EXPECT_EQ(replay({{cut}, true, true, 4, /*slow_reader=*/true}), want);
  EXPECT_EQ(replay({.cuts = {cut}, .c_interface = true}), want);
  return 0;
}

}  // namespace postern
