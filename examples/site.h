// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What the examples share: a policy, and the calls that begin a server.

#ifndef POSTERN_EXAMPLES_SITE_H_
#define POSTERN_EXAMPLES_SITE_H_

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "delivery/discard.h"
#include "engine/delivery.h"
#include "engine/policy.h"
#include "engine/responder.h"
#include "engine/server_config.h"
#include "engine/session_info.h"
#include "engine/session_times.h"
#include "net/descriptor_stream.h"
#include "net/listening_socket.h"
#include "system/descriptor.h"
#include "transports/stdio.h"
#include "transports/ucspi.h"

// Accepts mail to example.org, from everyone, and no other mail.
class OnlyUs : public postern::Policy {
  std::optional<postern::Verdict> Decide(const postern::Ask& ask,
                                         const postern::SharedSessionInfo&,
                                         Later) override {
    const auto* rcpt = std::get_if<postern::Rcpt>(&ask.what);
    // <postmaster> has no domain, and domains have no case (RFC 5321 2.4).
    if (rcpt == nullptr || rcpt->to.domain.empty() ||
        absl::EqualsIgnoreCase(rcpt->to.domain, "example.org")) {
      return postern::Verdict::Accept();
    }
    return postern::Verdict::Refuse({550, {5, 7, 1}, "not here"});
  }
};

// For servers of many clients.
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

// Listens at ADDRESS:PORT, and prints the address. Port 0 is a free one.
inline absl::StatusOr<postern::system::Descriptor> Listen(
    absl::string_view text) {
  const auto address = postern::net::ListenAddress::Parse(text);
  if (!address.ok()) return address.status();
  auto listener = postern::net::Listen(*address, /*share=*/false);
  if (!listener.ok()) return listener;
  printf("%s\n", postern::net::BoundAddress(listener->get())->Format().c_str());
  fflush(stdout);
  return listener;
}

// Prints an error, and returns the exit code.
inline int Fail(const char* program, const absl::Status& why) {
  fprintf(stderr, "%s: %s\n", program, why.ToString().c_str());
  return 1;
}

// How many clients a server of many may have at once. Each uses a descriptor,
// and a policy or a delivery needs some, too.
inline size_t MaxClients() { return std::min(500L, sysconf(_SC_OPEN_MAX) / 2); }

// Serves one client on descriptors 0 and 1, under tcpserver or inetd. Returns
// the exit code of the program.
inline int ServeOneClient(postern::Policy* policy,
                          postern::Delivery* delivery) {
  const postern::ServerConfig config = {.greeting = "mx.example.org",
                                        .carried = delivery->carries()};
  postern::SessionInfo client = postern::transports::ReadUcspi(getenv);
  postern::transports::ReadSocketAddresses(0, &client);
  postern::net::DescriptorStream stream(0, 1);
  const postern::SessionEnd end = postern::transports::ServeStdio(
      config,
      {.policy = policy,
       .delivery = delivery,
       .host_name = "mx.example.org",
       .stamp =
           [] {
             return postern::TraceStamp{absl::Now(), "1"};
           }},
      std::move(client), {}, &stream);
  return end.clean ? 0 : 1;
}

#endif  // POSTERN_EXAMPLES_SITE_H_
