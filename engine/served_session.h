// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A whole connection, from accept(2) to close(2), without the connection: a
// ServerSession, the Responder that answers it, the input that waits, and all
// rules about time and about ends. What is left for a driver is system calls.
//
// A driver that must not wait, with the socket in `fd`:
//
//   ServedSession session(&times, Now());
//   session.Begin(config, {.policy = &policy, .delivery = &delivery}, info);
//   while (true) {
//     const ServedSession::Next next = session.Advance(Now());
//     switch (next.kind) {
//       case Kind::kTransfer:  // write and read what the socket permits:
//         ... session.Written(send(fd, next.output...));
//         ... session.Received(recv(fd, session.Room(buffer)...));
//         ... or wait for it, until session.deadline(); then OnDeadline()
//       case Kind::kBusy:      // perhaps serve others first
//       case Kind::kHandshake: // ... session.TlsStarted(info)
//       case Kind::kFinish:    // shutdown(fd, SHUT_WR); session.OutputEnded()
//       case Kind::kDiscard:   // ... session.Discarded(recv(fd, buffer...));
//       case Kind::kClose:     // close(fd)
//     }
//   }
//
// examples/poll_server.cc is a complete server. transports/stdio.cc waits in
// each call; transports/connection.cc serves many connections on one thread.

#ifndef POSTERN_ENGINE_SERVED_SESSION_H_
#define POSTERN_ENGINE_SERVED_SESSION_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "engine/event.h"
#include "engine/grammar/reply.h"
#include "engine/instant.h"
#include "engine/pace.h"
#include "engine/pending_input.h"
#include "engine/responder.h"
#include "engine/server_config.h"
#include "engine/server_session.h"
#include "engine/session_handoff.h"
#include "engine/session_info.h"
#include "engine/session_times.h"

namespace postern {

// What came of a session.
struct SessionEnd {
  CloseReason reason = CloseReason::kQuit;
  // All replies were written, so far as the driver could know.
  bool flushed = false;
  // QUIT, or an end of input between two messages; and `flushed`.
  bool clean = false;
  std::string tls_error;  // why TLS could not go on, if that was it
  uint64_t bytes_in = 0;  // as they came: with TLS, what was in it
  uint64_t bytes_out = 0;
  ReplyCounts replies = {};
  uint32_t refused = 0;  // of them, what the session refused by itself
  absl::Duration duration;
};

// ServedSession does no I/O, reads no clock, starts no threads and calls no
// driver back. The driver reports what has happened, calls Advance(), and does
// what that says. Only Advance() and OnDeadline() look at the time.
//
// Thread-compatible. Answers come from any thread through ResponderOptions::
// post, which brings them to the session's thread, to Answer().
//
// A connection goes through these parts, of which the first two and the TLS
// handshake may be left out:
//
//   AwaitPreface()  -> PrefaceRead()     a PROXY header, which the driver reads
//   the constructor -> Begin()           the decision whether to serve it
//                   or Refuse()
//   kHandshake      -> TlsStarted()      TLS from the start, or by STARTTLS
//   Begin()         -> a last reply      the session
//   kFinish, kDiscard -> kClose          the end
//
// Each of them has a deadline (engine/session_times.h has the table). So the
// connection ends, whatever the client does, at the latest
//
//   max(preface_timeout + admission_timeout, session_timeout) + 3 * linger
//
// after its begin, plus the time that the driver takes.
//
// Memory: sizeof(ServedSession); what ServerSession states; what the client has
// sent and the session could not serve yet, at most kReadAhead octets, or the
// size of the driver's buffer where they came with the content of a message.
class ServedSession {
 public:
  // What the driver does next. It may do it in parts: each report is followed
  // by Advance(), which says what is left.
  struct [[nodiscard]] Next {
    enum class Kind : uint8_t {
      // Write `output`, if there is some, then read if `read`; report with
      // Written(), Received(), EndOfInput() or PeerGone(). Where neither can be
      // done: wait for the descriptor, an answer, or the deadline. Writing goes
      // first, so that all replies to what one read has brought leave together.
      kTransfer,
      // There is more work. Call Advance() again, perhaps after other sessions.
      kBusy,
      // Say by AllowTls() whether TLS can be had. Nothing is left to be read or
      // written. Only with Manner::asks_for_tls.
      kTlsQuestion,
      // Do a handshake, on octets that are not yet read; then TlsStarted() or
      // TlsFailed().
      kHandshake,
      // End the output: close_notify under TLS, then shutdown(2) with SHUT_WR;
      // then OutputEnded().
      kFinish,
      // Read below TLS and throw away what comes; report with Discarded() or
      // EndOfInput(). Octets that are left unread would make the kernel reset
      // the connection, and the client might lose the last reply.
      kDiscard,
      // Close; under TLS after a close_notify, if there was no kFinish.
      kClose,
    };
    Kind kind = Kind::kTransfer;
    bool read = false;
    absl::string_view output;  // until the next non-const call
    // What this call of Advance() has done: one unit for each step of the
    // session, and one for every 4 KiB that it consumed; kMaxWork at most, and
    // what the last step adds.
    uint32_t work = 0;
  };
  static constexpr uint32_t kMaxWork = 16;

  struct Manner {
    // TLS comes first, before the greeting (RFC 8314 3).
    bool tls_first = false;
    // The driver decides on STARTTLS (kTlsQuestion), and not the policy. Where
    // the client has sent more behind STARTTLS, there is no question: the
    // session closes after its 220.
    bool asks_for_tls = false;
  };

  // Octets that are read at once outside of content, and so kept, at most. A
  // client that sends ahead of its replies chooses how much waits here.
  static constexpr size_t kReadAhead = size_t{16} << 10;
  // Octets that are read and thrown away after the end.
  static constexpr uint64_t kMaxDiscarded = uint64_t{1} << 20;

  // A connection that has begun at `now`. `times` must outlive it.
  ServedSession(const SessionTimes* times, Instant now, Manner manner);
  ServedSession(const SessionTimes* times, Instant now)
      : ServedSession(times, now, Manner()) {}
  ServedSession(const ServedSession&) = delete;
  ServedSession& operator=(const ServedSession&) = delete;
  ~ServedSession();

  // The driver reads something that comes before the session, by itself; and
  // has read it. Before Begin() or Refuse(), or not at all.
  void AwaitPreface();
  void PrefaceRead();

  // Serves the client. `config` must be valid and outlive the session, and what
  // `responder` points to must outlive the session and every decision that is
  // open at its end. If `responder.post` is empty, each port must answer before
  // its method returns. Does nothing if the connection is over already.
  void Begin(const ServerConfig& config, ResponderOptions responder,
             SessionInfo info);
  // The same where another program's session stood at STARTTLS: see
  // ServerSession. There is no greeting, and no wait for it.
  void Continue(const ServerConfig& config, SessionHandoff stood,
                ResponderOptions responder, SessionInfo info);
  // Says `reply` and ends. Where TLS comes first, it ends without a reply.
  void Refuse(const Reply& reply);

  // Does what can be done without the driver.
  Next Advance(Instant now);

  // Returns when to call OnDeadline(), once Advance() has been called after the
  // last report. Not Never(), unless that has said kBusy.
  Instant deadline() const;
  // The time has come, if `now` is not before deadline(). Advance() follows.
  void OnDeadline(Instant now);

  // Returns where to read to, for Next::read: at least one octet, in `shared`
  // or in memory of its own. `shared` is a buffer that may serve all sessions
  // of a thread; it has ServerConfig::InputRoom() octets and kReadAhead at
  // least, and is the same until ReleaseBuffer().
  absl::Span<char> Room(absl::Span<char> shared);
  // The first `n` octets of Room() have been filled; n > 0.
  void Received(size_t n);
  // The client sends no more.
  void EndOfInput();
  // The first `n` octets of Next::output are written.
  void Written(size_t n);
  // The connection is broken.
  void PeerGone() { GiveUp(CloseReason::kPeerGone); }
  void Discarded(size_t n);
  void OutputEnded();

  void AllowTls(bool available);
  void TlsStarted(TlsInfo info);
  void TlsFailed() { GiveUp(CloseReason::kPeerGone); }

  // Takes an answer of a port, or a sink's word that it takes more. Allowed at
  // any time on the session's thread, also within the methods above, as where a
  // port answers at once. Advance() acts on it.
  void Answer(PostedAnswer&& answer);

  // The server goes down: the session ends with 421 at the next moment at which
  // no answer and no content is under way.
  void Shutdown();
  // The same at once, without a reply.
  void Abandon() { GiveUp(CloseReason::kShutdown); }

  // The driver gives the shared buffer to another session, or will wait: what
  // is left in it moves to memory of its own. A session that waits for a
  // command also gives back what it does not need while it waits.
  void ReleaseBuffer();

  // What came of the session, as soon as it is over: from kFinish or kClose on.
  // Null before, and where Begin() was not called.
  const SessionEnd* end() const {
    return after_ != nullptr && after_->end ? &*after_->end : nullptr;
  }
  // The facts so far; null before Begin().
  SharedSessionInfo info() const {
    if (live_) return live_->responder.info();
    return after_ != nullptr ? after_->info : nullptr;
  }
  // Where the session stands, for kTlsQuestion.
  SessionHandoff handoff() const { return live_->session.handoff(); }
  // The reply is that of Refuse(), or of a client that was not admitted in
  // time.
  bool turned_away() const { return after_ != nullptr && !after_->end; }
  Stage stage() const { return stage_; }
  // Replies that are not written yet, until the next non-const call.
  absl::string_view output() const;
  // Octets of memory that the input takes.
  size_t input_memory() const { return input_.owned(); }

 private:
  // What exists only while there is a session.
  struct Live {
    Live(const ServerConfig& config, ResponderOptions options, SessionInfo info)
        : session(config),
          responder(&session, std::move(options), std::move(info)) {}
    Live(const ServerConfig& config, SessionHandoff stood,
         ResponderOptions options, SessionInfo info)
        : session(config, std::move(stood)),
          responder(&session, std::move(options), std::move(info)) {}

    ServerSession session;
    Responder responder;
  };
  // What exists only after it, or in its place.
  struct After {
    std::optional<SessionEnd> end;  // none: the client was turned away
    SharedSessionInfo info;
    std::string refusal;  // what is left to be written of it
  };

  ResponderOptions WithPost(ResponderOptions responder);
  void Start();
  // The client is there, and TLS if it comes first: the greeting is due.
  void BeginGreeting();
  void Enter(Stage stage) {
    stage_ = stage;
    entered_ = true;
  }
  void Resume(Instant now);
  void GiveUp(CloseReason reason);
  // Returns whether there is work to do, once all that has been reported is
  // taken into account.
  bool Settle(Instant now);
  void TakeAnswers(Instant now);
  uint32_t TakeStep();
  void OnAsk(const Ask& ask);
  // All is said.
  void LastReplyTaken(Instant now);
  void End(Instant now, bool flushed);
  // Notes what deadlines count from.
  void ReadClocks(Instant now);
  Next Describe() const;
  TimeFacts facts() const;

  const SessionTimes& times_;
  const Manner manner_;
  Stage stage_ = Stage::kAdmission;
  CloseReason reason_ = CloseReason::kPeerGone;
  bool entered_ = false;      // the stage is new: its clock is not set yet
  bool given_up_ = false;     // it ends without another word
  bool going_down_ = false;   // Shutdown() was called
  bool opened_ = false;       // the greeting is due, or was given
  bool in_body_ = false;      // the last step was content
  bool idle_ = true;          // the session, when it last asked for input
  bool fresh_input_ = false;  // last_input is not set yet
  bool late_handshake_ = false;
  uint32_t discarded_bytes_ = 0;

  std::optional<Live> live_;
  std::vector<PostedAnswer> answers_;
  const Ask* tls_question_ = nullptr;
  std::unique_ptr<After> after_;

  PendingInput input_;
  uint64_t bytes_in_ = 0;
  uint64_t bytes_out_ = 0;

  SessionClocks clocks_;
  uint64_t progress_ = ~uint64_t{0};  // the session's, at clocks_.progress
  uint64_t output_due_ = 0;  // bytes_out_ once what clocks_.output is of is out
  std::unique_ptr<Pace> pace_;  // where a rate is asked for
};

}  // namespace postern

#endif  // POSTERN_ENGINE_SERVED_SESSION_H_
