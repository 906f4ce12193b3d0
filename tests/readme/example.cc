// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What follows is README's example, to the letter (//tests/readme:readme_test).
// example begins
#include "absl/time/clock.h"
#include "delivery/discard.h"
#include "net/descriptor_stream.h"
#include "transports/stdio.h"

using namespace postern;

class OnlyUs : public Policy {
  std::optional<Verdict> Decide(const Ask& ask, const SharedSessionInfo&,
                                Later) override {
    const auto* rcpt = std::get_if<Rcpt>(&ask.what);
    const bool ours = rcpt == nullptr || rcpt->to.domain == "example.org";
    if (ours) return Verdict::Accept();
    return Verdict::Refuse({550, {5, 7, 1}, "not here"});
  }
};

int main() {
  OnlyUs policy;
  delivery::Discard discard;
  const ServerConfig config = {.greeting = "mx.example.org"};
  const auto stamp = [] { return TraceStamp{absl::Now(), "1"}; };
  net::DescriptorStream stream(0, 1);
  const auto result = transports::ServeStdio(
      config, {&policy, &discard, config.greeting, stamp}, {}, {}, &stream);
  return result.clean ? 0 : 1;
}
