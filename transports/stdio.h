// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Serves one session over blocking descriptors: the transport of a process
// (or a thread) per connection.

#ifndef POSTERN_TRANSPORTS_STDIO_H_
#define POSTERN_TRANSPORTS_STDIO_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "engine/event.h"
#include "engine/responder.h"
#include "engine/server_config.h"
#include "engine/session_handoff.h"
#include "engine/session_info.h"
#include "net/descriptor_stream.h"
#include "net/secure_channel.h"
#include "net/stream_channel.h"
#include "transports/pace.h"

namespace postern::transports {

struct StdioOptions {
  // For the whole session, whatever the client does: a client that sends one
  // byte a minute keeps a process no longer than this.
  absl::Duration session_timeout = absl::Hours(4);
  // For the client to take a reply, and for a handshake.
  absl::Duration write_timeout = absl::Minutes(5);
  // For a policy or a sink to answer. Clients wait ten minutes for the reply
  // to the end of data (RFC 5321 4.5.3.2.6), five for others.
  absl::Duration answer_timeout = absl::Minutes(8);
  // For the client to close behind a last reply that it may not expect, and to
  // take it if the session's time is up.
  absl::Duration linger = absl::Seconds(2);
  // For a message's content.
  PaceOptions pace;
  // Before anything else, how long a client is given to speak out of turn: most
  // that do are no mail servers. What becomes of those that do is
  // ServerConfig::early_talk; the others are greeted behind it. 0: no look.
  absl::Duration greet_delay = absl::ZeroDuration();
  // Octets read at once. Never less than ServerConfig::InputRoom().
  size_t buffer_size = size_t{32} << 10;
  // Makes the server's side of TLS over `below`, which outlives it; null ends
  // the session. Needed where ServerConfig offers STARTTLS or TLS is first, and
  // only there.
  std::function<std::unique_ptr<net::SecureChannel>(net::StreamChannel* below)>
      secure;
  // Hears of STARTTLS before its 220, and returns whether TLS can be had; 454
  // if not, and the session goes on. It need not return: here another program
  // can take the session over, with `stood` and the facts, at the same
  // descriptors. All replies have been written then, and nothing of the
  // client's was read that is not served: where something was, this is not
  // called, and the session ends behind 220. May be empty: always.
  std::function<bool(const SessionHandoff& stood, const SessionInfo& info)>
      tls_asked;
  // The session goes on where another program's stood, which was at that
  // question: there is no greeting, and no wait for it.
  std::optional<SessionHandoff> stood;
  // TLS comes first, before the greeting (RFC 8314 3).
  bool tls_first = false;
};

// What came of a session.
struct StdioResult {
  CloseReason reason = CloseReason::kQuit;
  // The last reply was written, so far as can be known here.
  bool flushed = false;
  // QUIT, or an end of input where ServerSession::idle(); and `flushed`.
  bool clean = false;
  std::string tls_error;  // why TLS could not go on, if that was it
};

// Serves a session to its end. All replies that one read has
// caused leave in one write. `responder.post` is set here: leave it empty.
// Blocks; returns when the session is over, with `stream` still open. Behind
// TLS's end nothing more is read: the session is over, as at an end of input.
StdioResult ServeStdio(const ServerConfig& config, ResponderOptions responder,
                       SessionInfo info, const StdioOptions& options,
                       net::DescriptorStream* stream);

}  // namespace postern::transports

#endif  // POSTERN_TRANSPORTS_STDIO_H_
