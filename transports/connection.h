// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// One client of a Server, from its accept(2) to its close(2).

#ifndef POSTERN_TRANSPORTS_CONNECTION_H_
#define POSTERN_TRANSPORTS_CONNECTION_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "engine/responder.h"
#include "engine/server_session.h"
#include "engine/session_info.h"
#include "net/event_loop.h"
#include "net/secure_channel.h"
#include "net/socket_channel.h"
#include "net/timer_wheel.h"
#include "net/turn.h"
#include "transports/pace.h"
#include "transports/pending_input.h"
#include "transports/service.h"

namespace postern::transports {

// How long things may take, the same for all connections of a server.
struct ConnectionOptions {
  absl::Duration session_timeout = absl::Hours(4);
  // For the client to take a reply.
  absl::Duration write_timeout = absl::Minutes(5);
  // For a policy or a sink to answer. Clients wait ten minutes for the reply
  // to the end of data (RFC 5321 4.5.3.2.6), five for others.
  absl::Duration answer_timeout = absl::Minutes(8);
  // For a PROXY header, which a proxy sends at once.
  absl::Duration proxy_timeout = absl::Seconds(10);
  // For the service to admit the client: the rules and the client's host name.
  absl::Duration admission_timeout = absl::Minutes(1);
  // For a handshake of TLS.
  absl::Duration handshake_timeout = absl::Minutes(1);
  // For the client to close after a last reply that it may not expect, and for
  // a session whose time is up to get that reply out.
  absl::Duration linger = absl::Seconds(2);
  // For a message's content.
  PaceOptions pace;
  // Before anything else, how long a client is given to speak out of turn; see
  // ServerConfig::early_talk. 0: no look.
  absl::Duration greet_delay = absl::ZeroDuration();
};

// Names a connection of a thread, and none after it in the same slot.
struct ConnectionId {
  uint32_t slot = 0;
  uint32_t generation = 0;
};

// Connection serves a session on one EventLoop's thread, and holds no buffer
// while nothing is on its way. All of it is called on that thread.
//
// One call serves the client for one Turn at most (net/turn.h), and then
// asks for another (Surroundings::Yield), so that no client can keep the others
// of its loop waiting. Of what the client sent and the session cannot take yet
// it keeps kReadAhead octets; 64 KiB where they came in one read with the
// content of a message. tests/connection_memory_test.cc has the whole bound.
//
// Its descriptor is watched once, for everything, and edge-triggered: what can
// be read and written is remembered, and serving costs no epoll_ctl(2).
class Connection : public net::EventLoop::Handler, private net::Timer {
 public:
  // What the connections of a thread need of their server, which is the same
  // for all of them. May be called within their own methods.
  class Surroundings {
   public:
    Surroundings(net::EventLoop* loop, const ConnectionOptions* options)
        : loop_(*loop), options_(*options) {}
    virtual ~Surroundings() = default;

    net::EventLoop& loop() const { return loop_; }
    const ConnectionOptions& options() const { return options_; }

    // Asks what becomes of the connection, of whose client `info` is what is
    // known. Answers with Begin(), if it is still there.
    virtual void Admit(ConnectionId id, SessionInfo info) = 0;
    // `peer` was to say by a PROXY header whose connection this is, and did
    // not: `why` is for the log. It is closed.
    virtual void OnProxyRefused(const SessionInfo& peer,
                                absl::string_view why) {
      (void)peer;
      (void)why;
    }
    // Brings an answer to Answer(), if it is still there, and a sink's word to
    // Resume(). Thread-safe.
    virtual void Post(ConnectionId id, PostedAnswer answer) = 0;
    virtual void PostResume(ConnectionId id) = 0;
    // Calls GoOn() at the end of the round, if it is still there; not before
    // this returns.
    virtual void Yield(ConnectionId id) = 0;
    // A refused client is to be kept until it has closed, so that its reply is
    // not lost. Returns whether that is possible: the number of such clients is
    // limited. If so, ReleaseRefused() follows, once.
    virtual bool HoldRefused() = 0;
    virtual void ReleaseRefused() = 0;
    // The connection is over, and its descriptor closed: to be destroyed at
    // the end of the round.
    virtual void OnClosed(ConnectionId id) = 0;

   private:
    net::EventLoop& loop_;
    const ConnectionOptions& options_;
  };

  // Takes `socket`, which is connected and non-blocking. `surroundings` must
  // outlive the connection and every answer that it waits for.
  Connection(int socket, ConnectionId id, Surroundings* surroundings);
  ~Connection() override;

  // Octets read at once outside of a message's content, at most, and so kept.
  static constexpr size_t kReadAhead = size_t{16} << 10;

  // Reads the PROXY header with which the connection begins, and nothing
  // behind it, puts its addresses into `info`, and has that admitted. Where
  // there is none, or none that can be read, it is closed. Called before
  // Begin(), or not at all.
  void ReadProxyHeader(SessionInfo info);

  // Serves it, as `admission` says; with `tls`, through TLS from the start.
  // Called once; until then nothing is read.
  void Begin(Admission admission, bool tls);
  // Says `reply`, and closes. In place of Begin(), for a connection in the
  // clear.
  void Refuse(const Reply& reply);
  // Begin() will come later: the time for it runs from now on. If it does not
  // come in time, the client gets a 421, or with `tls` just an end.
  void AwaitAdmission(bool tls);

  // Takes an answer of a port, and goes on, if it is not within it.
  void Answer(PostedAnswer answer);
  bool running() const { return running_; }
  // The sink takes more.
  void Resume();
  // Called when the loop gives it another turn, after Yield().
  void GoOn() {
    put_off_ = false;
    Run();
  }

  // We go down: the session ends at the next moment at which no answer and no
  // content is on its way.
  void Shutdown();
  // The same, now.
  void Abandon();

  void OnEvents(uint32_t events) override;

 private:
  enum class Phase : uint8_t {
    kProxy,       // its header
    kAdmission,   // the service has not decided yet
    kHandshake,   // of TLS
    kGreetDelay,  // listening for clients that cannot wait
    kSession,
    kLinger,  // all is said; reading what the client still sends
    kClosed,
  };
  enum class Flushed : uint8_t { kAll, kSome, kBroken };

  void OnTimer() override;

  // Does what can be done, then sets the timer.
  void Run();
  void TakeProxyHeader();
  void RefuseProxy(absl::string_view why);
  void StartSession();
  void Handshake();
  void ListenForTalk();
  void Pump();
  void Linger();
  void Discard();
  void Close();

  // What comes of one step: whether there is a next.
  bool Act(const Step& step);
  // Has the loop tell of the socket's events.
  bool Watch();
  bool NeedInput();
  bool Closed(CloseReason reason);

  // The turn is over: asks for another.
  void PutOff();
  net::Turn& turn() { return around_.loop().turn(); }
  // Reads more input, or its end. Returns false if nothing can be read for now.
  bool Fill();
  // Writes what is to be said.
  Flushed Flush();
  void End(CloseReason reason, bool clean);
  void SetTimer();
  net::Channel& channel();

  Surroundings& around_;
  const ConnectionId id_;
  const int socket_;
  net::SocketChannel plain_;
  Phase phase_ = Phase::kAdmission;
  bool readable_ = false;
  bool writable_ = true;
  bool hung_up_ = false;  // the peer has ended its side, or all of it
  bool going_down_ = false;
  bool running_ = false;  // within Run()
  bool put_off_ = false;  // GoOn() will come
  bool held_ = false;     // refused, and ReleaseRefused() is due
  bool hides_ = false;    // TLS comes first: no reply in the clear
  bool in_body_ = false;  // the last step was content
  bool paused_ = false;   // by the sink
  bool waiting_ = false;  // for an answer
  bool idle_ = true;      // the session, at the last read
  bool closing_ = false;  // nothing is left but to write
  bool ended_ = false;    // the host has been told
  bool watched_ = false;  // by the loop

  std::shared_ptr<SessionHost> host_;
  std::unique_ptr<net::SecureChannel> secure_;
  std::unique_ptr<SessionInfo> info_;  // until there is a responder
  std::optional<ServerSession> session_;
  std::optional<Responder> responder_;
  std::vector<PostedAnswer> answers_;

  PendingInput input_;
  uint64_t bytes_in_ = 0;
  uint64_t bytes_out_ = 0;
  uint64_t discarded_ = 0;  // octets read after the end

  const Time since_;
  // Of admission, a handshake, the delay, closing, lingering.
  Time phase_deadline_;
  Time read_deadline_;
  Time last_input_;                     // when the client's last octets came
  uint64_t progress_ = ~uint64_t{0};    // the session's, at that time
  Time write_deadline_ = Time::max();   // while output waits
  Time answer_deadline_ = Time::max();  // while an answer does
  Time other_deadline_;                 // the first of all but pace_'s
  std::unique_ptr<Pace> pace_;          // where a rate is asked for
};

}  // namespace postern::transports

#endif  // POSTERN_TRANSPORTS_CONNECTION_H_
