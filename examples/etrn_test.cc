// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "examples/etrn.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/types/span.h"
#include "engine/responder.h"
#include "engine/server_config.h"
#include "engine/server_session.h"
#include "files/test_directory.h"
#include "gtest/gtest.h"
#include "net/own_addresses.h"
#include "policy/checks.h"
#include "policy/control/controls.h"

namespace postern::examples {
namespace {

constexpr policy::CheckEntry kList[] = {kEtrnEntry};

// Returns the output of a session after EHLO and `command`.
std::string Talk(const std::string& command, SessionInfo info,
                 absl::Span<const policy::CheckEntry> list = kList) {
  files::TestDirectory folder;
  folder.Write("me", "mx.example\n");
  folder.Write("rcpthosts", "local.example\n");
  auto controls = policy::ReadControls({.directory = folder.path()});
  EXPECT_TRUE(controls.ok()) << controls.status();
  const auto checks = *policy::Checks::Make(
      {.controls = std::make_shared<policy::Controls>(*std::move(controls)),
       .own_addresses = std::make_shared<net::InterfaceAddresses>()},
      list);
  ServerConfig config;
  config.greeting = "mx";
  config.more_verbs = {"ETRN"};
  EXPECT_EQ(config.Validate(), absl::OkStatus());
  ServerSession session(config);
  ResponderOptions options;
  options.policy = checks.get();
  Responder responder(&session, std::move(options), std::move(info));
  std::string in = "EHLO c\r\n" + command + "\r\n";
  while (true) {
    const Step step = session.Advance(in);
    if (step.kind == Step::Kind::kAsk) responder.OnAsk(*step.ask);
    in.erase(0, step.consumed);
    if (step.kind == Step::Kind::kNeedInput) break;
  }
  return std::string(session.Output());
}

TEST(EtrnTest, EtrnIsAnnouncedAndAnswered) {
  SessionInfo relay;
  relay.relay_client = "";
  const std::string out = Talk("ETRN local.example", relay);
  EXPECT_TRUE(absl::StrContains(out, "250-ETRN\r\n")) << out;
  EXPECT_TRUE(absl::EndsWith(out, "\r\n250 2.0.0 queuing started\r\n")) << out;
  EXPECT_TRUE(absl::EndsWith(Talk("ETRN evil.example", relay),
                             "\r\n459 4.5.1 not for you (#4.5.1)\r\n"));
  EXPECT_TRUE(absl::EndsWith(Talk("ETRN local.example", {}),
                             "\r\n459 4.5.1 not for you (#4.5.1)\r\n"));
}

// A verb that no check decides about is refused.
TEST(EtrnTest, EtrnIsRefusedWithoutACheck) {
  EXPECT_TRUE(absl::EndsWith(Talk("ETRN local.example", {}, {}),
                             "\r\n502 5.5.1 unimplemented (#5.5.1)\r\n"));
}

}  // namespace
}  // namespace postern::examples
