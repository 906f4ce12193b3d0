// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// One client of a Server, from its accept(2) to its close(2).

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

// Names a connection of a thread, and none after it in the same slot.
struct ConnectionId {
  uint32_t slot = 0;
  uint32_t generation = 0;
};

// What the connections of a thread need of their server, the same for all of
// them. Its methods may be called within a connection's own methods.
class ConnectionHost {
 public:
  ConnectionHost(net::EventLoop* loop, const SessionTimes* times)
      : loop_(*loop), times_(*times) {}
  virtual ~ConnectionHost() = default;

  net::EventLoop& loop() const { return loop_; }
  const SessionTimes& times() const { return times_; }

  // Decides whether the connection is served; `info` is what is known of its
  // client. Answers with Begin(), if the connection is still there.
  virtual void Admit(ConnectionId id, SessionInfo info) = 0;
  // `peer` did not send the PROXY header that it should begin with; `why` is
  // for the log. The connection is closed.
  virtual void OnProxyRefused(const SessionInfo& peer, absl::string_view why) {
    (void)peer;
    (void)why;
  }
  // Brings an answer to Answer(), if the connection is still there.
  // Thread-safe.
  virtual void Post(ConnectionId id, PostedAnswer answer) = 0;
  // Calls GoOn() at the end of the round, if the connection is still there; not
  // before this returns.
  virtual void Yield(ConnectionId id) = 0;
  // Returns whether a client that was turned away can be kept until it has
  // closed, so that its reply is not lost: the number of such clients is
  // limited. If so, ReleaseRefused() follows, once.
  virtual bool HoldRefused() = 0;
  virtual void ReleaseRefused() = 0;
  // The connection is over, and its descriptor closed: it must be destroyed at
  // the end of the round.
  virtual void OnClosed(ConnectionId id) = 0;

 private:
  net::EventLoop& loop_;
  const SessionTimes& times_;
};

// Connection drives a ServedSession on one EventLoop's thread: system calls,
// and nothing that ServedSession could decide. All methods are called on that
// thread.
//
// One call serves the client for one Turn at most (net/turn.h), and then
// asks for another (ConnectionHost::Yield), so that no client can keep the
// others of its loop waiting. tests/connection_memory_test.cc has the bound of
// the memory that a client can hold.
//
// The descriptor is watched once, for everything, and edge-triggered: what can
// be read and written is remembered, and serving costs no epoll_ctl(2).
class Connection : public net::EventLoop::Handler, private net::Timer {
 public:
  // Takes `socket`, which is connected and non-blocking. With `tls`, it is
  // served through TLS from the start. `host` must outlive the connection and
  // every answer that it waits for.
  Connection(int socket, ConnectionId id, bool tls, ConnectionHost* host);

  // Reads the PROXY header with which the connection begins, and nothing after
  // it, puts its addresses into `info`, and has that admitted. Where there is
  // none, or none that can be read, the connection is closed. Called before
  // Begin(), or not at all.
  void ReadProxyHeader(SessionInfo info);

  // Serves the client as `admission` says. Called once; until then nothing is
  // read. Too late, it changes nothing.
  void Begin(Admission admission);
  // Says `reply`, and closes. In place of Begin().
  void Refuse(const Reply& reply) {
    session_.Refuse(reply);
    Run();
  }
  // Begin() will come later: the time for it runs from now on.
  void AwaitAdmission() {
    if (session_.stage() == Stage::kAdmission) Run();
  }

  // Takes an answer of a port, and goes on.
  void Answer(PostedAnswer&& answer) {
    session_.Answer(std::move(answer));
    Run();
  }
  // Returns whether the caller is within a method of the connection.
  bool running() const { return running_; }
  // The loop gives it another turn, after Yield().
  void GoOn() {
    put_off_ = false;
    Run();
  }

  // The server goes down: the session ends at the next moment at which no
  // answer and no content is under way.
  void Shutdown() {
    session_.Shutdown();
    Run();
  }
  // The same at once.
  void Abandon() {
    session_.Abandon();
    Run();
  }

  void OnEvents(uint32_t events) override;

 private:
  using Kind = net::Channel::Result::Kind;
  using Next = ServedSession::Next;

  void OnTimer() override;

  // Does what can be done, then sets the timer.
  void Run();
  // Each does one thing that the session asks for, and returns whether the
  // session may ask for another now.
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
  // Has the loop report the socket's events.
  bool Watch() {
    watched_ = watched_ || host_.loop().Watch(
                               socket_.get(),
                               EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, this);
    return watched_;
  }
  // The turn is over: asks for another.
  bool PutOff();
  // Reports the session's end, once.
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
  bool hung_up_ = false;    // the peer has ended its side, or all of it
  bool running_ = false;    // within Run()
  bool put_off_ = false;    // GoOn() will come
  bool held_ = false;       // turned away, and ReleaseRefused() is due
  bool tls_ended_ = false;  // close_notify was sent
  bool reported_ = false;   // the session's end
  bool watched_ = false;    // by the loop
  bool closed_ = false;
  net::SocketChannel plain_;

  std::shared_ptr<SessionHost> session_host_;
  std::unique_ptr<net::SecureChannel> secure_;
  std::unique_ptr<SessionInfo> proxy_info_;  // until its header has come
  ServedSession session_;
};

}  // namespace postern::transports

#endif  // POSTERN_TRANSPORTS_CONNECTION_H_
