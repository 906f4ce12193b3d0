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

#include "engine/responder.h"
#include "engine/served_session.h"
#include "engine/server_config.h"
#include "engine/session_handoff.h"
#include "engine/session_info.h"
#include "engine/session_times.h"
#include "net/descriptor_stream.h"
#include "net/secure_channel.h"
#include "net/stream_channel.h"

namespace postern::transports {

struct StdioOptions {
  SessionTimes times;
  // Octets read at once. Never less than ServedSession::Room() needs.
  size_t buffer_size = size_t{32} << 10;
  // Makes the server's side of TLS over `below`, which outlives it; null ends
  // the session. Needed where ServerConfig offers STARTTLS or TLS is first, and
  // only there.
  std::function<std::unique_ptr<net::SecureChannel>(net::StreamChannel* below)>
      secure;
  // Called at STARTTLS before its 220; returns whether TLS can be had. If not,
  // the client gets 454 and the session goes on. It need not return: here
  // another program can take the session over, with `stood` and the facts, at
  // the same descriptors. All replies have been written then, and everything
  // that was read is served. Where the client has sent more after STARTTLS, it
  // is not called, and the session ends after 220. May be empty: always.
  std::function<bool(const SessionHandoff& stood, const SessionInfo& info)>
      tls_asked;
  // The session goes on where another program's stood, which was at that
  // question: there is no greeting, and no wait for it.
  std::optional<SessionHandoff> stood;
  // TLS comes first, before the greeting (RFC 8314 3).
  bool tls_first = false;
};

// Serves a session to its end, on a ServedSession. `responder.post` is set
// here: leave it empty. Blocks; returns when the session is over, with `stream`
// still open. After the end of TLS nothing more is read: the session is over,
// as at an end of input.
SessionEnd ServeStdio(const ServerConfig& config, ResponderOptions responder,
                      SessionInfo info, const StdioOptions& options,
                      net::DescriptorStream* stream);

}  // namespace postern::transports

#endif  // POSTERN_TRANSPORTS_STDIO_H_
