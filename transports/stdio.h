// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Serves one session over blocking descriptors: the driver of a process (or a
// thread) for each connection.

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

// How a connection on two descriptors is served.
struct StdioOptions {
  // The timeouts of the connection, except those in ServerConfig.
  SessionTimes times;
  // Octets read at once. Raised if ServedSession::Room() needs more.
  size_t buffer_size = size_t{32} << 10;
  // Makes the server's side of TLS over `below`, which outlives it. Null ends
  // the session. Needed if ServerConfig offers STARTTLS or if tls_first is set.
  std::function<std::unique_ptr<net::SecureChannel>(net::StreamChannel* below)>
      secure;
  // Called at STARTTLS before its 220. Returns whether TLS is available. If
  // not, the client gets a 454 and the session continues. The function need not
  // return: another program can continue the session, with `handoff` and
  // `info`, on the same descriptors. All replies have been written then, and
  // everything that was read has been processed. If the client has sent more
  // after STARTTLS, the function is not called, and the session ends after the
  // 220. An empty function means that TLS is always available.
  std::function<bool(const SessionHandoff& handoff, const SessionInfo& info)>
      tls_asked;
  // Continues the session of another program, which was at that call. Sends no
  // greeting and does not wait before one.
  std::optional<SessionHandoff> handoff;
  // Begins with TLS, before the greeting (RFC 8314 3).
  bool tls_first = false;
};

// Serves one session with a ServedSession, until its end. Sets
// `responder.post`: leave it empty. Blocks. When it returns, `stream` is still
// open. After the end of TLS nothing more is read, and the session ends as at
// an end of input.
SessionEnd ServeStdio(const ServerConfig& config, ResponderOptions responder,
                      SessionInfo info, const StdioOptions& options,
                      net::DescriptorStream* stream);

}  // namespace postern::transports

#endif  // POSTERN_TRANSPORTS_STDIO_H_
