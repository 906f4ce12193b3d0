// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The interface that a program implements to run a Server
// (transports/server.h): how each connection is served, and what is reported
// about it.

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
#include "engine/wire_filter.h"
#include "net/secure_channel.h"

namespace postern::transports {

// One session's part of a Service. The server calls it on the thread that
// serves the connection, and keeps it at least until the connection ends.
class SessionHost {
 public:
  virtual ~SessionHost() = default;

  // Must stay valid, and the same object, while the host exists. What rules say
  // about a client may change in it while ResponderOptions::client_changed
  // gives its answer on the session's thread, and at no other time.
  virtual const ServerConfig& config() const = 0;
  // Returns how the session's questions are answered. Called once. Its pointers
  // must outlive the connection and all questions that are open at its end. The
  // server sets `post`.
  virtual ResponderOptions responder() = 0;
  // Returns the filter of the session's octets, or null if there is none.
  // Called once. It must live as long as the host.
  virtual WireFilter* filter() { return nullptr; }
  // Returns the server's side of TLS over `below`, or null if there is no TLS.
  // Called before the first byte if the listener begins with TLS, and after
  // STARTTLS.
  virtual std::unique_ptr<net::SecureChannel> Secure(net::Channel* below) {
    (void)below;
    return nullptr;
  }
  // The session has ended. Called once.
  virtual void OnEnd(const SessionEnd& end, const SessionInfo& info) {
    (void)end;
    (void)info;
  }
};

// The decision about a connection: it is served, refused with a reply, or
// closed without a reply.
struct Admission {
  std::shared_ptr<SessionHost> host;  // null: the connection is closed
  std::optional<Reply> refusal;       // sent before it is closed
  SessionInfo info;                   // what is known of the client
};

// Decides about each connection of a server.
class Service {
 public:
  // Takes the decision. Call it once, on any thread.
  using Admitted = absl::AnyInvocable<void(Admission) &&>;

  virtual ~Service() = default;

  // A client has connected to the listener with the number `listener`, counted
  // from 0. Must call `done` once: before it returns or later, from any thread.
  // After SessionTimes::admission_timeout the client is refused, and `done` has
  // no effect. Thread-safe. `info` has addresses, ports and a session_id.
  virtual void Admit(size_t listener, SessionInfo info, Admitted done) = 0;

  // Called if `peer`, for which IsProxy() returned true, sent no valid PROXY
  // header. The connection is closed. `why` names the error and contains no
  // data from the client. Thread-safe.
  virtual void OnProxyRefused(const SessionInfo& peer, absl::string_view why) {
    (void)peer;
    (void)why;
  }

  // Returns whether `peer`, a client of a listener with ListenerOptions::proxy,
  // may send a PROXY header. All others are closed. Thread-safe.
  virtual bool IsProxy(const SessionInfo& peer) {
    (void)peer;
    return false;
  }

  // accept(2) failed on the listener `listener` with an error that is not about
  // one client and not about memory or descriptors, for example because the
  // socket does not listen any more. The thread that calls this accepts no more
  // clients there; its sessions continue. `why` names the address. Thread-safe.
  virtual void OnListenerFailed(size_t listener, const absl::Status& why) {
    (void)listener;
    (void)why;
  }
};

}  // namespace postern::transports

#endif  // POSTERN_TRANSPORTS_SERVICE_H_
