// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What all clients of poll_server and uv_server share: whom they accept mail
// for, and what they do with it.

#ifndef POSTERN_EXAMPLES_SITE_H_
#define POSTERN_EXAMPLES_SITE_H_

#include <optional>
#include <variant>

#include "absl/time/clock.h"
#include "delivery/discard.h"
#include "engine/policy.h"
#include "engine/responder.h"
#include "engine/server_config.h"
#include "engine/session_times.h"

// Accepts mail to example.org, from everyone, and no other mail.
class OnlyUs : public postern::Policy {
  std::optional<postern::Verdict> Decide(const postern::Ask& ask,
                                         const postern::SharedSessionInfo&,
                                         Later) override {
    const auto* rcpt = std::get_if<postern::Rcpt>(&ask.what);
    const bool ours = rcpt == nullptr || rcpt->to.domain == "example.org";
    if (ours) return postern::Verdict::Accept();
    return postern::Verdict::Refuse({550, {5, 7, 1}, "not here"});
  }
};

struct Site {
  OnlyUs policy;
  postern::delivery::Discard discard;
  postern::ServerConfig config = {.greeting = "mx.example.org",
                                  .carried = discard.carries()};
  postern::SessionTimes times;
  postern::ResponderOptions responder = {
      .policy = &policy,
      .delivery = &discard,
      .host_name = "mx.example.org",
      .stamp = [] {
        return postern::TraceStamp{absl::Now(), "1"};
      }};
};

#endif  // POSTERN_EXAMPLES_SITE_H_
