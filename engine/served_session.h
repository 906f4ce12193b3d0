// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A complete connection, from accept(2) to close(2), without I/O: a
// ServerSession, the Responder that answers it, the pending input, and all
// rules about timeouts and about the end of a connection. The driver only makes
// the system calls.
//
// A driver that must not block, with the socket in `fd`:
//
//   ServedSession session(&times, Now());
//   session.Begin(config,
//                 {.policy = &policy, .delivery = &delivery, .stamp = stamp},
//                 info);
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
// examples/poll_server.cc is a complete server. transports/stdio.cc blocks in
// each call. transports/connection.cc serves many connections on one thread.

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
#include "engine/ask.h"
#include "engine/grammar/reply.h"
#include "engine/instant.h"
#include "engine/pace.h"
#include "engine/pending_input.h"
#include "engine/responder.h"
#include "engine/server_config.h"
#include "engine/server_session.h"
#include "engine/session_handoff.h"
#include "engine/session_info.h"
#include "engine/session_observer.h"
#include "engine/session_times.h"
#include "engine/step.h"
#include "engine/tls_info.h"
#include "engine/wire_filter.h"

namespace postern {

// How a session ended.
struct SessionEnd {
  CloseReason reason = CloseReason::kQuit;  // why it ended
  // All replies were written, as far as the driver could know.
  bool flushed = false;
  // The client sent QUIT, or ended its input between two messages, and
  // `flushed`.
  bool clean = false;
  std::string tls_error;   // why TLS failed; the driver may add its error
  uint64_t bytes_in = 0;   // as the session received them: with TLS, decrypted
  uint64_t bytes_out = 0;  // as the session sent them: with TLS, before it
  ReplyCounts replies = {};  // those that the session gave, written or not
  uint32_t refused = 0;      // how many of these the session decided by itself
  absl::Duration duration;   // since the connection was accepted
};

// ServedSession does no I/O, reads no clock, starts no threads and never calls
// the driver. The driver reports what has happened, calls Advance(), and does
// what the result says. Only Advance() and OnDeadline() take the time.
//
// `config` needs `carried = delivery.carries()` and must pass
// ServerConfig::Validate(). STARTTLS needs ServerConfig::offer_starttls, a
// policy that accepts StartTls, and a driver that does kHandshake.
//
// Thread-compatible. A policy, delivery or authenticator may answer on any
// thread: ResponderOptions::post takes its answer to the session's thread,
// which calls Answer().
//
// A connection goes through these parts. The first two and the TLS handshake
// are optional:
//
//   AwaitPreface()  -> PrefaceRead()     a PROXY header, which the driver reads
//   the constructor -> Begin()           the decision whether to serve it
//                   or Refuse()
//   kHandshake      -> TlsStarted()      TLS from the start, or by STARTTLS
//   Begin()         -> a last reply      the session
//   kFinish, kDiscard -> kClose          the end
//
// Each part has a deadline (the table is in engine/session_times.h). So the
// connection ends, whatever the client does, at the latest
//
//   max(preface_timeout + admission_timeout, session_timeout) + 3 * linger
//
// after its start, plus the time that the driver takes.
//
// Memory:
//   - sizeof(ServedSession);
//   - the memory of a ServerSession;
//   - input that the session could not serve yet: at most kReadAhead octets, or
//     the size of the driver's buffer if it came with the content of a message.
class ServedSession {
 public:
  // What the driver does next. It may do only a part. After each report it
  // calls Advance(), which returns what is left to do.
  struct [[nodiscard]] Next {
    // What to do.
    enum class Kind : uint8_t {
      // Write `output`, if there is any, then read if `read` is set. Report
      // with Written(), Received(), EndOfInput() or PeerGone(). If neither is
      // possible, wait for the descriptor, an answer or the deadline. Write
      // first, so that all replies to the commands of one read leave together.
      // If output is left and `read` is set, reading is still permitted.
      //
      // Under TLS try before waiting: TLS may hold octets that it has read. If
      // `read` is not set and there is no output, the session waits for an
      // answer. Then watch no events. poll(2) reports a hangup even so: a
      // driver with level-triggered events removes the descriptor until
      // Answer().
      kTransfer,
      // There is more work. Call Advance() again, perhaps after other sessions.
      kBusy,
      // Report with AllowTls() whether TLS is available. All input and output
      // is done. Only with Options::asks_for_tls.
      kTlsQuestion,
      // Do a TLS handshake on octets that are not yet read, then call
      // TlsStarted() or TlsFailed(). All input and output is done. Advance()
      // returns this until one of them is called.
      kHandshake,
      // End the output, then call OutputEnded(): send close_notify under TLS,
      // then shutdown(2) with SHUT_WR.
      kFinish,
      // Read below TLS and discard what comes. Report with Discarded(), with
      // EndOfInput(), or with PeerGone() if reading fails. If octets are left
      // unread, the kernel resets the
      // connection, and the client may lose the last reply.
      kDiscard,
      // Close. Under TLS, send close_notify first if there was no kFinish.
      kClose,
    };
    Kind kind = Kind::kTransfer;  // what to do
    bool read = false;            // kTransfer: whether to read, too
    absl::string_view output;     // valid until the next non-const call
    // The work that this call of Advance() has done: one unit for each step of
    // the session, and one for each 4 KiB that a step consumed. At most
    // kMaxWork, plus the units of the last step.
    uint32_t work = 0;
  };
  static constexpr uint32_t kMaxWork = 16;

  // How the connection begins.
  struct Options {
    // TLS comes first, before the greeting (RFC 8314 3).
    bool tls_first = false;
    // The driver decides on STARTTLS (kTlsQuestion) instead of the policy. If
    // the client has sent more after STARTTLS there is no question: the session
    // closes after its 220.
    bool asks_for_tls = false;
  };

  // The most octets that are read, and so kept, outside of content. A client
  // that sends commands without waiting for replies chooses how much of this is
  // used.
  static constexpr size_t kReadAhead = size_t{16} << 10;
  // The most octets that are read and discarded after the end.
  static constexpr uint64_t kMaxDiscarded = uint64_t{1} << 20;

  // A connection that started at `now`. `times` must outlive it.
  ServedSession(const SessionTimes* times, Instant now, Options options);
  ServedSession(const SessionTimes* times, Instant now)
      : ServedSession(times, now, Options()) {}
  ServedSession(const ServedSession&) = delete;
  ServedSession& operator=(const ServedSession&) = delete;
  ~ServedSession();

  // AwaitPreface(): the driver now reads something that comes before the
  // session. PrefaceRead(): it has read it. Both are optional, and come before
  // Begin() or Refuse().
  void AwaitPreface();
  void PrefaceRead();

  // Serves the client. `config` must be valid and outlive the session. What
  // `responder` points to must outlive the session and every decision that is
  // open when the session ends. If `responder.post` is empty, the policy,
  // delivery and authenticator must answer before their methods return. Does
  // nothing if the connection is already over.
  //
  // `filter`, if it is not null, must outlive the session. If it closes the
  // connection, the reason is kShutdown.
  void Begin(const ServerConfig& config, ResponderOptions responder,
             SessionInfo info, WireFilter* filter = nullptr);
  // Continues a session of another program from its STARTTLS: see
  // ServerSession. There is no greeting and no greet_delay.
  void Continue(const ServerConfig& config, SessionHandoff handoff,
                ResponderOptions responder, SessionInfo info);
  // Sends `reply` and ends. With Options::tls_first it ends without a reply.
  void Refuse(const Reply& reply);

  // Does everything that can be done without the driver.
  Next Advance(Instant now);

  // Returns when to call OnDeadline(). Valid once Advance() has been called
  // after the last report. It is Never() only if Advance() has returned kBusy.
  // Advance() applies no deadline: compare it with the clock also while the
  // client sends without a pause. It moves with each report, so look again
  // before OnDeadline(); a call that comes too early changes nothing.
  Instant deadline() const;
  // Applies a deadline that has passed: `now` >= deadline(). Call Advance()
  // next.
  void OnDeadline(Instant now);

  // Returns where to read to, if Next::read is set: at least one octet, in
  // `shared` or in memory of the session. `shared` is a buffer that may serve
  // all sessions of a thread. Its size is at least ServerConfig::InputRoom()
  // and kReadAhead. Pass the same buffer until ReleaseBuffer().
  absl::Span<char> Room(absl::Span<char> shared);
  // Reports that the first `n` octets of Room() are filled; n > 0.
  void Received(size_t n);
  // Reports that the client sends no more.
  void EndOfInput();
  // Reports that the first `n` octets of Next::output are written.
  void Written(size_t n);
  // Reports that the client has closed the connection, or its side of it.
  // Octets may be left that EndOfInput() must wait for. Only a session with a
  // filter that delays it forever ends with this.
  void PeerClosed() {
    if (live_) live_->peer_closed = true;
  }
  // Reports that the connection is broken.
  void PeerGone() { GiveUp(CloseReason::kPeerGone); }
  void Discarded(size_t n);
  void OutputEnded();

  // Report what became of kTlsQuestion and kHandshake.
  void AllowTls(bool available);
  void TlsStarted(TlsInfo info);
  void TlsFailed() { GiveUp(CloseReason::kPeerGone); }

  // Takes an answer, or the report that a mail transaction takes more content.
  // May be called at any time on the session's thread, also from within the
  // methods above, which happens if an answer is given at once. Advance() acts
  // on it.
  void Answer(PostedAnswer&& answer);

  // The server shuts down. The session ends with a 421 as soon as no answer is
  // due and no content is in progress. In a preface, and in a handshake before
  // the greeting, the connection ends at once, without a reply.
  void Shutdown();
  // Ends at once, without a reply.
  void Abandon() { GiveUp(CloseReason::kShutdown); }

  // Call this when another session gets the shared buffer, or before waiting
  // (a session with a buffer of its own need not):
  // what is left in the buffer moves to memory of the session. If the session
  // waits for a command it also frees memory that it does not need for that.
  void ReleaseBuffer();

  // How the session ended, from kFinish or kClose on. Null before, and if
  // Begin() was not called.
  const SessionEnd* end() const {
    return after_ != nullptr && after_->end ? &*after_->end : nullptr;
  }
  // The session facts so far. Null before Begin().
  SharedSessionInfo info() const {
    if (live_) return live_->responder.info();
    return after_ != nullptr ? after_->info : nullptr;
  }
  // The state to hand off, for kTlsQuestion.
  SessionHandoff handoff() const { return live_->session.handoff(); }
  // Whether the client got the reply of Refuse(), or was not admitted in time.
  bool refused_admission() const { return after_ != nullptr && !after_->end; }
  SessionStage stage() const { return stage_; }
  // Replies that are not written yet, valid until the next non-const call.
  absl::string_view output() const;
  // Octets of memory that the pending input uses.
  size_t input_memory() const { return input_.owned(); }

 private:
  // What exists only during the session.
  struct Live {
    Live(const ServerConfig& config, ResponderOptions options, SessionInfo info)
        : session(config),
          responder(&session, std::move(options), std::move(info)) {}
    Live(const ServerConfig& config, SessionHandoff handoff,
         ResponderOptions options, SessionInfo info)
        : session(config, std::move(handoff)),
          responder(&session, std::move(options), std::move(info)) {}

    ServerSession session;
    Responder responder;
    WireFilter* filter = nullptr;
    bool filter_waits = false;  // FilterWaits() when the clocks were read
    bool peer_closed = false;   // PeerClosed() was called
  };
  // What exists only after the session, or instead of it.
  struct After {
    std::optional<SessionEnd> end;  // none: the client was not admitted
    SharedSessionInfo info;
    std::string refusal;  // what is not written of Refuse()'s reply
  };

  ResponderOptions WithPost(ResponderOptions responder);
  void Start();
  // The client is admitted, and TLS has started if it comes first: begins the
  // greeting or its delay.
  void BeginGreeting();
  void Enter(SessionStage stage) {
    stage_ = stage;
    entered_ = true;
  }
  void Resume(Instant now);
  void GiveUp(CloseReason reason);
  // Applies all that has been reported. Returns whether there is work to do.
  bool Settle(Instant now);
  void TakeAnswers(Instant now);
  uint32_t TakeStep(Instant now);
  // Passes replies to the filter, and does what it demands.
  void RunFilter(Instant now);
  WireFilter* filter() const { return live_ ? live_->filter : nullptr; }
  SessionObserver* observer() const {
    return live_ ? live_->responder.observer() : nullptr;
  }
  void Observe(SessionObserver::Event event) const {
    if (observer() != nullptr) observer()->OnEvent(event);
  }
  // The filter, and not the client, delays the session.
  bool FilterWaits() const;
  // The filter delays the session forever, and what the client still sends is
  // not read.
  bool FilterStalls() const;
  // Whether all replies are written.
  bool AllWritten() const;
  void OnAsk(const Ask& ask);
  // All replies are written.
  void LastReplyTaken(Instant now);
  void End(Instant now, bool flushed);
  // Updates the clocks that deadlines count from.
  void ReadClocks(Instant now);
  Next Describe() const;
  TimeFacts facts() const;

  const SessionTimes& times_;
  const Options options_;
  SessionStage stage_ = SessionStage::kAdmission;
  CloseReason reason_ = CloseReason::kPeerGone;
  bool entered_ = false;        // the stage is new: its clock is not set yet
  bool given_up_ = false;       // it ends without another reply
  bool shutting_down_ = false;  // Shutdown() was called
  bool opened_ = false;         // the greeting is due or given
  bool in_body_ = false;        // the last step was content
  bool idle_ = true;            // session.idle() when it last asked for input
  bool fresh_input_ = false;    // last_input is not set yet
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
  uint64_t output_due_ = 0;  // bytes_out_ once clocks_.output's replies are out
  std::unique_ptr<Pace> pace_;  // null: no rate is required
};

}  // namespace postern

#endif  // POSTERN_ENGINE_SERVED_SESSION_H_
