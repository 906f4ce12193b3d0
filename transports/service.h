// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What a Server (transports/server.h) asks of whoever runs it: with what each
// connection is served, and who hears what came of it.

#ifndef POSTERN_TRANSPORTS_SERVICE_H_
#define POSTERN_TRANSPORTS_SERVICE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "engine/grammar/reply.h"
#include "engine/responder.h"
#include "engine/served_session.h"
#include "engine/server_config.h"
#include "engine/session_info.h"
#include "net/secure_channel.h"

namespace postern::transports {

// One session's part of a Service. Its methods are called on the thread that
// serves the connection; it lives until the connection is over, or longer if
// it is kept.
class SessionHost {
 public:
  virtual ~SessionHost() = default;

  // Valid, and the same, as long as the host lives.
  virtual const ServerConfig& config() const = 0;
  // How the session's questions are answered; called once. Its pointers outlive
  // the connection and every decision that is open at its end. `post` is the
  // server's to set.
  virtual ResponderOptions responder() = 0;
  // Returns the server's side of TLS over `below`, or null where there is none.
  // Asked for before the first byte where the listener wants TLS from the
  // start, and behind STARTTLS.
  virtual std::unique_ptr<net::SecureChannel> Secure(net::Channel* below) {
    (void)below;
    return nullptr;
  }
  // The session is over. Called once.
  virtual void OnEnd(const SessionEnd& end, const SessionInfo& info) {
    (void)end;
    (void)info;
  }
};

// What becomes of a connection: it is served, refused with a reply, or closed
// without one.
struct Admission {
  std::shared_ptr<SessionHost> host;  // null: closed
  std::optional<Reply> refusal;       // said before that
  SessionInfo info;                   // what is known of the client by now
};

class Service {
 public:
  using Admitted = absl::AnyInvocable<void(Admission) &&>;

  virtual ~Service() = default;

  // A client has connected to the listener `listener`, the n-th of the server,
  // from 0. Calls `done` once: before returning, later, or from any thread.
  // After SessionTimes::admission_timeout the client is turned away, and
  // `done` changes nothing. Thread-safe. `info` has addresses, ports and a
  // session_id.
  virtual void Admit(size_t listener, SessionInfo info, Admitted done) = 0;

  // Called if `peer`, for which IsProxy() was true, sent no PROXY header that
  // can be read, and is closed: `why` says what is wrong with it, in words of
  // ours. Thread-safe.
  virtual void OnProxyRefused(const SessionInfo& peer, absl::string_view why) {
    (void)peer;
    (void)why;
  }

  // Returns whether `peer`, which has come to a listener for proxies, is one
  // whose PROXY header counts; anyone else is closed. Thread-safe.
  virtual bool IsProxy(const SessionInfo& peer) {
    (void)peer;
    return false;
  }

  // accept(2) failed at the listener `listener` with an error that is neither
  // the client's nor for want of memory or descriptors: at a socket that no
  // longer listens, for example. The thread that calls this accepts no more
  // clients there; sessions go on. `why` names the address. Thread-safe.
  virtual void OnListenerFailed(size_t listener, const absl::Status& why) {
    (void)listener;
    (void)why;
  }
};

}  // namespace postern::transports

#endif  // POSTERN_TRANSPORTS_SERVICE_H_
