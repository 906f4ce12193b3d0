// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// One connection of a Server, from accept(2) to close(2).

#ifndef POSTERN_TRANSPORTS_CONNECTION_H_
#define POSTERN_TRANSPORTS_CONNECTION_H_

#include <sys/epoll.h>

#include <cstdint>
#include <memory>
#include <utility>

#include "absl/strings/string_view.h"
#include "engine/grammar/reply.h"
#include "engine/instant.h"
#include "engine/responder.h"
#include "engine/served_session.h"
#include "engine/session_info.h"
#include "engine/session_times.h"
#include "net/channel.h"
#include "net/event_loop.h"
#include "net/secure_channel.h"
#include "net/socket_channel.h"
#include "net/timer_wheel.h"
#include "net/turn.h"
#include "system/descriptor.h"
#include "transports/service.h"
#include "transports/steady_clock.h"

namespace postern::transports {

// Identifies a connection of a thread. A later connection in the same slot has
// another generation.
struct ConnectionId {
  uint32_t slot = 0;
  uint32_t generation = 0;
};

// What all connections of a thread need from their server. A Connection may
// call these functions inside its own.
class ConnectionHost {
 public:
  ConnectionHost(net::EventLoop* loop, const SessionTimes* times)
      : loop_(*loop), times_(*times) {}
  virtual ~ConnectionHost() = default;

  net::EventLoop& loop() const { return loop_; }
  const SessionTimes& times() const { return times_; }

  // Decides whether the connection is served. `info` contains what is known of
  // the client. The host answers by Begin(), if the connection still exists.
  virtual void Admit(ConnectionId id, SessionInfo info) = 0;
  // Called if `peer` did not send a valid PROXY header; `why` is for the log.
  // The connection is closed.
  virtual void OnProxyRefused(const SessionInfo& peer, absl::string_view why) {
    (void)peer;
    (void)why;
  }
  // Passes an answer to Answer(), if the connection still exists. Thread-safe.
  virtual void Post(ConnectionId id, PostedAnswer answer) = 0;
  // Calls Continue() at the end of the round, if the connection still exists.
  // Never calls it before Yield() returns.
  virtual void Yield(ConnectionId id) = 0;
  // Returns whether a refused connection may stay open until its client has
  // closed it, so that the reply is not lost. The number of such connections is
  // limited. If true, ReleaseRefused() is called later, once.
  virtual bool HoldRefused() = 0;
  virtual void ReleaseRefused() = 0;
  // The connection has ended and its descriptor is closed. The host must
  // destroy it at the end of the round.
  virtual void OnClosed(ConnectionId id) = 0;

 private:
  net::EventLoop& loop_;
  const SessionTimes& times_;
};

// Connection drives a ServedSession on the thread of one EventLoop. It makes
// the system calls and leaves all decisions to ServedSession. Call all
// functions on that thread.
//
// One call serves the client for at most one Turn (net/turn.h), and then asks
// for another turn (ConnectionHost::Yield), so that no client can block the
// others of its event loop. tests/connection_memory_test.cc checks the limit on
// the memory that a client can hold.
//
// The descriptor is watched once, for all events, edge-triggered. The
// connection remembers whether it is readable and writable, so that serving it
// needs no epoll_ctl(2).
class Connection : public net::EventLoop::Handler, private net::Timer {
 public:
  // Takes ownership of `socket`, which is connected and non-blocking. With
  // `tls`, the connection begins with a TLS handshake. `host` must outlive the
  // connection and all answers for which it waits.
  Connection(int socket, ConnectionId id, bool tls, ConnectionHost* host);

  // Reads the PROXY header at the beginning of the connection and nothing after
  // it, stores its addresses in `info`, and calls ConnectionHost::Admit().
  // Closes the connection if there is no valid header. Call it before Begin(),
  // or not at all.
  void ReadProxyHeader(SessionInfo info);

  // Serves the client as `admission` says. Call it once. Nothing is read before
  // it, except a PROXY header. It has no effect after the timeout for
  // admission.
  void Begin(Admission admission);
  // Sends `reply` and closes the connection. Call it instead of Begin().
  void Refuse(const Reply& reply) {
    session_.Refuse(reply);
    Run();
  }
  // Begin() will be called later. Starts the timeout for admission.
  void AwaitAdmission() {
    if (session_.stage() == SessionStage::kAdmission) Run();
  }

  // Passes an answer to the session and continues.
  void Answer(PostedAnswer&& answer) {
    session_.Answer(std::move(answer));
    Run();
  }
  // Returns whether the caller is inside a function of the connection.
  bool running() const { return running_; }
  // Begins the turn for which Yield() asked.
  void Continue() {
    put_off_ = false;
    Run();
  }

  // The server shuts down. The session ends as soon as it waits for no answer
  // and no content.
  void Shutdown() {
    session_.Shutdown();
    Run();
  }
  // Ends the session at once.
  void Abandon() {
    session_.Abandon();
    Run();
  }

  void OnEvents(uint32_t events) override;

 private:
  using Kind = net::Channel::Result::Kind;
  using Next = ServedSession::Next;

  void OnTimer() override;

  // Does all work that is possible now, then sets the timer.
  void Run();
  // Each function does one thing for which the session asks, and returns
  // whether Run() may call Act() again now.
  bool Act();
  bool Transfer(const Next& next);
  bool Read();
  void Write(absl::string_view output);
  bool Handshake();
  bool Finish();
  bool Discard();
  bool Close();

  void TakeProxyHeader();
  void RefuseProxy(absl::string_view why);
  // Makes the event loop report the socket's events. Returns false on an error.
  bool Watch() {
    watched_ = watched_ || host_.loop().Watch(
                               socket_.get(),
                               EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, this);
    return watched_;
  }
  // The turn is over: asks for another.
  bool PutOff();
  // Reports the end of the session, once.
  void ReportEnd();

  Instant Now() const { return ToInstant(host_.loop().now()); }
  net::Turn& turn() const { return host_.loop().turn(); }
  net::Channel& channel() {
    if (secure_ != nullptr) return *secure_;
    return plain_;
  }

  ConnectionHost& host_;
  const ConnectionId id_;
  system::Descriptor socket_;
  bool readable_ = false;
  bool writable_ = true;
  bool hung_up_ = false;    // the peer closed its side, or all of it
  bool running_ = false;    // within Run()
  bool put_off_ = false;    // Continue() will be called
  bool held_ = false;       // refused; ReleaseRefused() must be called
  bool tls_ended_ = false;  // close_notify was sent
  bool reported_ = false;   // the end of the session
  bool watched_ = false;    // by the loop
  bool closed_ = false;
  net::SocketChannel plain_;

  std::shared_ptr<SessionHost> session_host_;
  std::unique_ptr<net::SecureChannel> secure_;
  std::unique_ptr<SessionInfo> proxy_info_;  // until the header is read
  ServedSession session_;
};

}  // namespace postern::transports

#endif  // POSTERN_TRANSPORTS_CONNECTION_H_
