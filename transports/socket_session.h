// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A ServedSession on a socket, for an event loop of the embedder: poll(2),
// libuv or another one. It makes the system calls, and never blocks. The loop
// waits for what Run() returns.
//
//   SocketSession session(accept(listener, ...), &times, {});
//   session.Begin(config, {.policy = &policy, .delivery = &delivery, ...}, {});
//   while (true) {
//     const SocketSession::Wait wait = session.Run(buffer);
//     if (wait.closed) break;  // the connection is over: destroy the session
//     // Wait until the socket is readable (if wait.read) or writable (if
//     // wait.write), or until wait.deadline. Serve other sessions.
//   }
//
// examples/poll_server.cc and examples/uv_server.cc are complete servers.

#ifndef POSTERN_TRANSPORTS_SOCKET_SESSION_H_
#define POSTERN_TRANSPORTS_SOCKET_SESSION_H_

#include <chrono>
#include <functional>
#include <memory>

#include "absl/types/span.h"
#include "engine/responder.h"
#include "engine/served_session.h"
#include "engine/server_config.h"
#include "engine/session_info.h"
#include "engine/session_times.h"
#include "net/channel.h"
#include "net/secure_channel.h"
#include "net/socket_channel.h"
#include "net/turn.h"
#include "system/descriptor.h"

namespace postern::transports {

class AnswerBox;

// Created, used and destroyed on one thread. Other threads may answer.
class SocketSession {
 public:
  // How the connection begins, and what the session calls.
  struct Options {
    // Makes the server's side of TLS over `below`, which outlives it. Null, or
    // an empty function, ends the connection instead of starting TLS.
    std::function<std::unique_ptr<net::SecureChannel>(net::Channel* below)>
        secure;
    // TLS comes first, before the greeting (RFC 8314 3).
    bool tls_first = false;
    // Called on any thread when an answer has come: the loop must call Run()
    // soon. It may be called within Run(), and after the session's end: what it
    // uses must live until every policy, delivery and authenticator has
    // answered. May be empty if all of them answer before their methods return.
    std::function<void()> wake;
  };

  // What Run() waits for. All fields are as with poll(2): the state of the
  // socket, not a change of it.
  struct [[nodiscard]] Wait {
    bool read = false;   // call Run() when the socket is readable
    bool write = false;  // or when it is writable
    // The connection is over. Nothing else is valid.
    bool closed = false;
    // Call Run() at this time, if it was not called before. In the past if
    // there is more work that other sessions should not have to wait for.
    std::chrono::steady_clock::time_point deadline;
  };

  // Takes ownership of `socket`, a connected TCP or Unix socket, which is
  // closed in the destructor. Whether it is blocking does not matter. `times`
  // must outlive the session.
  SocketSession(int socket, const SessionTimes* times, Options options);
  SocketSession(const SocketSession&) = delete;
  SocketSession& operator=(const SocketSession&) = delete;
  ~SocketSession();

  // Serves the client, see ServedSession::Begin(). Sets `responder.post`: leave
  // it empty. Adds to `info` the addresses of the socket, and a session_id if
  // it has none. Call Run() next.
  void Begin(const ServerConfig& config, ResponderOptions responder,
             SessionInfo info);

  // Does all that the socket permits, up to the limit of a net::Turn, and
  // applies deadlines. Returns what it waits for now. If nothing has happened,
  // a call does no harm. `buffer` is as in ServedSession::Room(): one buffer
  // may serve all sessions of a thread.
  //
  // If neither `read` nor `write` is set, the session waits for an answer.
  // poll(2) reports a hangup even so: do not watch the socket then.
  Wait Run(absl::Span<char> buffer);

  // The socket, to be watched by the loop.
  int socket() const { return socket_.get(); }
  // For Refuse(), Shutdown(), Abandon(), end() and info(). Call Run() after a
  // call that changes it.
  ServedSession& session() { return session_; }

 private:
  // Each returns false if it would block. Adds to `wait` what it waits for.
  bool Act(const ServedSession::Next& next, absl::Span<char> buffer,
           Wait* wait);
  bool Transfer(const ServedSession::Next& next, absl::Span<char> buffer,
                Wait* wait);
  bool Handshake(Wait* wait);
  bool Discard(absl::Span<char> buffer, Wait* wait);
  void EndTls();

  const Options options_;
  const system::Descriptor socket_;
  net::Turn turn_;
  net::SocketChannel plain_;  // TLS runs over it
  std::unique_ptr<net::SecureChannel> secure_;
  bool tls_ended_ = false;
  ServedSession session_;
  const std::shared_ptr<AnswerBox> box_;
};

}  // namespace postern::transports

#endif  // POSTERN_TRANSPORTS_SOCKET_SESSION_H_
