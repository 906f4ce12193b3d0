// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Oracle: a session that is handed off as text at each STARTTLS sends the same
// octets, and ends in the same way, as a session that is not handed off, with
// and without TLS. A text that parses as a handoff prints to a text that parses
// to the same value.

#include <fuzzer/FuzzedDataProvider.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "engine/ask.h"
#include "engine/server_config.h"
#include "engine/server_session.h"
#include "engine/step.h"
#include "gtest/gtest.h"
#include "programs/smtpd/handoff.h"

namespace postern::programs {
namespace {

// Returns everything that the session sends after the input `in`, and how it
// ends.
std::string Run(const ServerConfig& config, std::string in, bool tls,
                bool goes_over) {
  auto session = std::make_unique<ServerSession>(config);
  std::string out;
  for (bool gone_over = false;;) {
    const Step step = session->Advance(in);
    in.erase(0, step.consumed);
    absl::StrAppend(&out, session->Output());
    session->OutputWritten(session->Output().size());
    if (step.kind == Step::Kind::kNeedInput) session->EndOfInput();
    if (step.kind == Step::Kind::kStartTls) session->TlsStarted({});
    if (step.kind == Step::Kind::kClosed) {
      return absl::StrCat(out, CloseReasonName(step.reason));
    }
    if (step.kind != Step::Kind::kAsk) continue;
    const Ask& ask = *step.ask;
    const bool asked = std::holds_alternative<StartTls>(ask.what);
    if (asked && goes_over && !std::exchange(gone_over, true)) {
      const Handoff handoff = {.handoff = session->handoff()};
      const auto read = ParseHandoff(FormatHandoff(handoff));
      EXPECT_EQ(*read, handoff);
      session = std::make_unique<ServerSession>(config, read->handoff);
      continue;
    }
    gone_over = false;
    const auto* begin = std::get_if<AuthBegin>(&ask.what);
    if (begin != nullptr && begin->initial_response) {
      (void)session->CompleteAuth(ask.id, AuthGranted{"u"});
    } else {
      const bool refused = begin != nullptr || (asked && !tls);
      const Reply no = {begin != nullptr ? 535 : 454, {}, "no"};
      (void)session->Complete(
          ask.id, refused ? Verdict::Refuse(no) : Verdict::Accept());
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzedDataProvider input(data, size);
  ServerConfig config = {.greeting = "mx", .offer_starttls = true};
  config.require_hello = input.ConsumeBool();
  config.max_errors = input.ConsumeIntegralInRange(1, 5);
  config.max_messages = input.ConsumeIntegralInRange(0, 3);
  config.mechanisms = config.mechanisms_without_tls = {"PLAIN"};
  const bool tls = input.ConsumeBool();
  const std::string wire = input.ConsumeRemainingBytesAsString();
  EXPECT_EQ(Run(config, wire, tls, true), Run(config, wire, tls, false));
  const auto read = ParseHandoff(wire);
  EXPECT_TRUE(!read.ok() || *ParseHandoff(FormatHandoff(*read)) == *read);
  return 0;
}

}  // namespace postern::programs
