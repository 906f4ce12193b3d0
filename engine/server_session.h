// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The server's side of an SMTP connection, without the connection.
//
// A driver feeds bytes to Advance() and acts on the Step it returns. With
// "in" for what has arrived and not been consumed, a short mail goes:
//
//   in                       step                        Output() then holds
//   ""                       kAsk Connected  Accept      220 mx ESMTP
//   ""                       kNeedInput
//   "EHLO c\r\nMAIL FROM..." kAsk Hello      Accept      250-mx ... 250 ...
//   "MAIL FROM:<s@x>\r\n..." kAsk Mail       Accept      250 2.1.0 ok
//   "RCPT TO:<u@d>\r\n..."   kAsk Rcpt       Accept      250 2.1.5 ok
//   "DATA\r\n"               kAsk BodyBegin  Accept      354 go ahead
//   ""                       kNeedInput
//   "hi\r\n.\r\nQUIT\r\n"    kBody {"hi\r\n"}
//   ".\r\nQUIT\r\n"          kAsk BodyEnd    Accept      250 2.0.0 ok
//   "QUIT\r\n"               kClosed kQuit               221 2.0.0 mx
//
// A bare LF in the content: kAborted at once, the rest of the message is
// consumed, and 554 answers its true end.
//
// A bare LF in a command: 500 at once, and kClosed. Nothing after it is looked
// at (see LineReader for the reason).
//
//   "NOOP\nMAIL FROM:<s@..."  kClosed kAbuse              500 5.5.2 bare LF...
//
// STARTTLS, then AUTH, with `-` for a step that repeats until something is
// done:
//
//   "STARTTLS\r\n"           kAsk StartTls   Accept      220 2.0.0 ready
//   ""                       - kStartTls     write Output(), do the handshake,
//                                            TlsStarted()
//   "EHLO c\r\n"             kAsk Hello      Accept      250-mx ... 250 AUTH...
//   "AUTH PLAIN\r\n"         kAsk AuthBegin  Challenge   334
//   "AHUAcA==\r\n"           kAsk AuthResponse  Granted  235 2.7.0 ok
//
// A message in chunks (RFC 3030): the question comes before the octets.
//
//   "BDAT 4\r\nhi\r\nBDA..."  kAsk BodyBegin  Accept
//   "hi\r\nBDAT 0 LAST\r\n"  kBody {"hi\r\n"}             250 2.0.0 ok
//   "BDAT 0 LAST\r\n"        kAsk BodyEnd    Accept      250 2.0.0 ok

#ifndef POSTERN_ENGINE_SERVER_SESSION_H_
#define POSTERN_ENGINE_SERVER_SESSION_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "engine/ask_queue.h"
#include "engine/command.h"
#include "engine/content.h"
#include "engine/event.h"
#include "engine/grammar/line_reader.h"
#include "engine/grammar/reply.h"
#include "engine/grammar/verb.h"
#include "engine/reply_queue.h"
#include "engine/server_config.h"
#include "engine/session_handoff.h"
#include "engine/verdict.h"

namespace postern {

// ServerSession is the server's side of one SMTP (RFC 5321) or LMTP (RFC 2033)
// connection: bytes go in through Advance(), replies come out of Output(), and
// questions that the protocol does not decide come out as Asks. It does no I/O,
// reads no clock, allocates no buffers for input, starts no threads and calls
// no one back.
//
// Thread-compatible: one thread at a time; const members may run in parallel.
// Sessions share nothing but a const ServerConfig. A RequestId may travel to
// any thread; only the session's own thread may call Complete().
//
// What the peer gets wrong never surfaces as Status: it becomes a reply, then
// perhaps kClosed. Status reports the embedder's own lateness or misuse:
//   kNotFound            no such open request (a late answer; drop it)
//   kFailedPrecondition  this answer does not fit that request
//   kInvalidArgument     the reply's code does not fit (say, 250 in a Refuse)
// After any error the session is unchanged.
//
// The reply stream is a function of the bytes and the answers alone: not of
// how the bytes were cut, how late the answers came or in which order. (Except
// as ServerConfig::pipelining says.)
//
// Memory: sizeof(ServerSession); the strings of the envelope, at most
// max_recipients of them, each within a command line; Output(), at most
// max_output and one reply (under LMTP, one for each recipient), and as much
// again of what is written while the rest is not; max_open_asks questions, each
// within a line; what was refused since TakeRefusals(), at most max_reported
// and one; and from the first message on, one Content. The formula is in
// tests/memory_test.cc. After ReleaseIdleMemory(), between two commands and
// outside a transaction: sizeof(ServerSession), some counters if it has refused
// anything, and the strings of identity() and tls().
class ServerSession {
 public:
  // `config` must be valid (ServerConfig::Validate) and outlive the session.
  explicit ServerSession(const ServerConfig& config);
  // The same for a session that goes on where another `stood` while StartTls
  // was its open question. That question comes first, again: accepted, 220
  // follows and then kStartTls; refused, the session goes on in the clear, as
  // the other would have. There is no greeting.
  ServerSession(const ServerConfig& config, SessionHandoff stood);
  ServerSession(const ServerSession&) = delete;
  ServerSession& operator=(const ServerSession&) = delete;

  // Runs the protocol over `in` up to the next thing the driver must act on.
  // `in` starts with the first byte not yet consumed and may grow between
  // calls; drop Step::consumed bytes of it after acting on the step. Costs
  // O(bytes newly seen), however the input was cut. Unconsumed input is
  // shorter than ServerConfig::InputRoom() once kNeedInput is returned. Not
  // calling Advance() is how the driver applies back-pressure.
  //
  // Step::body points into `in`, at constants or at the session: all of it
  // lives until the next Advance(), and no longer than your bytes do.
  Step Advance(absl::string_view in);

  // Answers an open Ask, once. Answers may come in any order: replies leave,
  // and the envelope grows, in the order of the commands.
  absl::Status Complete(RequestId id, Verdict verdict);
  // The same for a BodyEnd under LMTP: one verdict for each recipient of the
  // envelope, in order. (One for all of them is the other Complete()'s.)
  absl::Status Complete(RequestId id, absl::Span<const Verdict> verdicts);
  // The same for AuthBegin and AuthResponse; a Verdict that refuses may also be
  // Complete()'s. kInvalidArgument: a challenge of more than 9,216 octets
  // (12,288 in base64), or an identity that is empty.
  absl::Status CompleteAuth(RequestId id, AuthMove move);

  // Bytes for the peer, until the next non-const call. Partial writes are fine.
  absl::string_view Output() const { return output_.view(); }
  // Says that the first `n` bytes of Output() are written, n <= its size.
  void OutputWritten(size_t n) { output_.Written(n); }

  // What Output() has held so far, written or not.
  const ReplyCounts& replies() const { return output_.counts(); }

  // Returns what the session has refused by itself since the last call, in the
  // order of the replies, which are in Output() by then or have been. Between
  // two calls, and in the whole session, there are ServerConfig::max_reported
  // and one at most. For the driver to take after each Advance(); sessions that
  // refuse nothing pay nothing for it.
  std::vector<Refusal> TakeRefusals();
  bool has_refusals() const {
    return reports_ != nullptr && !reports_->open.empty();
  }
  // Counts all of them, reported or not. Where another session stood before,
  // its own are not among them.
  uint32_t refused() const { return reports_ == nullptr ? 0 : reports_->all; }

  // The peer will send nothing more. What it has sent is still served and open
  // Asks are still answered; where input would be needed, kClosed follows.
  void EndOfInput() { input_ended_ = true; }
  // The peer took longer than ReadTimeout() or IdleTimeout(), or its time is up
  // for another reason: drops the transaction and open Asks, says 421, closes.
  // A client that waits for the reply to a message which it ended in a bare LF
  // gets the message's 554 instead: after a 421 it would send the same message
  // again for days. Where bare newlines are normalized there is no 554, and it
  // gets a 451 that says what is missing: the client of a message that is
  // merely slow must be able to send it again.
  void TimedOut();
  // We go down: at the next moment at which no answer and no content is on its
  // way, says 421 and closes. Until then the session goes on.
  void Shutdown() { shutting_down_ = true; }
  // TLS is there: behind kStartTls, or before the first Advance() where the
  // connection begins with it. All that the client has said is forgotten (RFC
  // 3207 4.2), but not what it has done wrong.
  void TlsStarted(TlsInfo info);
  // The client has sent something although it was not greeted yet: for the
  // driver to say, before the first Advance() or while Connected is open. What
  // to do then is ServerConfig::early_talk; kReject takes the question back.
  void TalkedEarly();

  // Outside a transaction, and with no question open, gives back all memory
  // that is kept to be used again: for a driver of many sessions that will
  // wait, perhaps for long. Nothing else changes, and what comes next costs
  // some allocations.
  void ReleaseIdleMemory();

  // How long the peer may take over its next command or block of content, RFC
  // 5321 4.5.3.2. Re-arm a timer of it whenever progress() has changed, and
  // only then, so that a trickle of bytes buys no time.
  absl::Duration ReadTimeout() const;
  // How long the driver may wait for the peer's next octet, from the last one
  // on: InfiniteDuration(), if ReadTimeout() alone counts. It is
  // ServerConfig::bare_end_timeout, and at most ReadTimeout(), while the
  // content ends as a client that ends its lines in LF ends a message (LF.LF):
  // such a client waits for the reply to it, and sends nothing more. It only
  // shortens a wait: the deadline of ReadTimeout() stays.
  absl::Duration IdleTimeout() const;
  // Counts commands, blocks of content (ServerConfig::data_block) and answers.
  uint64_t progress() const { return progress_; }

  // Whether a message's content is on its way, and of which message: from the
  // 354 on, or from the first chunk's command on, to its last octet, also where
  // it is refused already. 0: none. A number is that of one message.
  uint64_t content() const;

  // Returns the open question `id`, or null if it has been answered or its
  // answer would come too late. It stays until it is answered, and until the
  // next call that is not const.
  const Ask* open_ask(RequestId id) const {
    const AskQueue::Entry* entry = asks_.Find(id);
    return entry == nullptr ? nullptr : &entry->ask;
  }
  // What has been agreed since MAIL; stays until the transaction's end, and the
  // reference until the next non-const call outside of one.
  const Envelope& envelope() const;
  const ServerConfig& config() const { return config_; }
  // Whether this is LMTP: ServerConfig::lmtp.
  bool lmtp() const { return config_.lmtp; }
  // Who the client is, by AUTH or by a proxy's XCLIENT; empty: not known.
  const std::string& identity() const { return client_.identity; }
  // What TLS has come to, null for a connection in the clear. Behind XCLIENT it
  // is still the proxy's, but the certificate is nobody's.
  const SharedTlsInfo& tls() const { return tls_; }
  // What the client has done out of turn so far.
  const Violations& violations() const { return client_.violations; }
  // What a session that continues this one needs to know. To be called while
  // StartTls is the open question.
  const SessionHandoff& handoff() const;
  // Bytes of input looked at so far, each time counted: for the test that the
  // cost is linear in what comes in, however it was cut.
  uint64_t examined() const;

  // Returns true between two commands and outside a transaction: where an end
  // of input is no loss to anyone.
  bool idle() const;

 private:
  enum class State : uint8_t {
    kStart,      // the greeting has not been asked for
    kTakenOver,  // behind another session's STARTTLS, which was not answered
    kCommand,    // between commands, or waiting for answers
    kAuth,       // behind 334, or waiting for the next move
    kBody,       // behind 354, or in a chunk
    kSwallow,    // in a chunk that is thrown away
    kStartTls,   // behind STARTTLS's 220
    kClosed,
  };
  enum class Transaction : uint8_t {
    kNone,
    kOpen,    // MAIL accepted, and the end not reached
    kChunks,  // a BDAT accepted, and it was not the last
    kBroken,  // a BDAT refused, and it was not the last
  };

  // Why a chunk is refused, which says who reports it.
  enum class Cause : uint8_t {
    kProtocol,  // it may not come
    kContent,   // what is wrong with the message
    kAnswer,    // a port's answer, known to it
  };
  // The content of the message under way, or a chunk that is thrown away. The
  // next message uses the same object, so that it costs no allocation.
  struct Intake {
    bool chunked = false;  // it comes in chunks
    Chunk chunk;           // what is left of the one under way
    // The message is refused, and the embedder knows: there is nothing to abort
    // when the transaction ends.
    bool draining = false;
    bool ended = false;                    // its last octet has been consumed
    bool refusal_due = false;              // kAborted will show `refusal`
    Cause chunk_cause = Cause::kProtocol;  // of the chunk that is thrown away
    // Of the message, or of the chunk thrown away; or of one before it.
    std::unique_ptr<const Reply> refusal;
    std::optional<Content> content;  // none before the first BodyBegin
    uint64_t block = 0;  // octets of content since progress_ has changed
  };
  // What there is to report. Made for the first refusal.
  struct Reports {
    std::vector<Refusal> open;  // not taken yet
    uint32_t all = 0;
  };

  Intake& intake();  // made if there is none
  bool draining() const { return intake_ != nullptr && intake_->draining; }
  Phase phase() const;
  ParameterRules parameter_rules() const;
  Utf8 utf8() const;  // of this transaction

  // Each returns the step to hand out, or nullopt to go on in the input.
  std::optional<Step> Run(absl::string_view in, size_t* consumed);
  std::optional<Step> RunStartTls(absl::string_view in);
  std::optional<Step> RunCommands(absl::string_view in, size_t* consumed);
  std::optional<Step> RunAuth(absl::string_view in, size_t* consumed);
  std::optional<Step> RunBody(absl::string_view in, size_t* consumed);
  std::optional<Step> RunSwallow(absl::string_view in, size_t* consumed);
  LineReader::Result ReadLine(absl::string_view in, size_t max_line);
  // The line of `command` ends in a bare LF: replies, and closes. See
  // LineReader.
  std::optional<Step> RefuseBareLf(absl::string_view command);
  std::optional<Step> OnCommand(const Command& command);
  std::optional<Step> LookAhead(absl::string_view in, size_t* consumed);
  static Step AskStep(const Ask* ask);
  // No more input is there: asks for it, unless it has ended.
  std::optional<Step> WantInput();

  // Each returns the question to ask, or null where the reply is said.
  const Ask* Serve(const Command& command);
  const Ask* OnHello(Hello::Verb verb, absl::string_view argument);
  const Ask* OnMail(absl::string_view argument);
  const Ask* OnRcpt(absl::string_view argument);
  const Ask* OnBdat(const Chunk& chunk);
  const Ask* OnStartTls();
  const Ask* OnAuth(absl::string_view argument);
  const Ask* OnXClient(absl::string_view argument);
  const Ask* OnVrfy(absl::string_view argument);

  // Says `reply`, behind the octets of the chunk that it refuses.
  void RefuseChunk(const Chunk& chunk, Reply reply, Cause cause);
  // The same, for a reason that ends the transaction as well.
  void FailChunk(const Chunk& chunk, Reply reply, Cause cause);
  // Says `refusal_`, of a chunk, as often as it is due.
  void SayForChunk();
  std::optional<Step> EndChunk();
  std::optional<Step> EndBody();
  void CountBlock(uint64_t octets);
  bool AwaitsReplyToBareEnd() const;

  // The answer takes effect; the envelope takes what it needs of the question.
  void Apply(Ask& ask, const Verdict& verdict);
  void Accepted(Ask& ask, const Verdict& verdict);
  void BodyAccepted(const Verdict& verdict);
  void MessageDecided(absl::Span<const Verdict> verdicts);

  // Queues `reply`. A 5yz counts as an error.
  void Say(const Reply& reply);
  void Say(const std::optional<Reply>& reply, const Reply& usual) {
    Say(reply ? *reply : usual);
  }
  // The reply to a message: under LMTP, one for each of its recipients, and
  // still one error.
  void SayForMessage(const Reply& reply);
  // The same as Say(), for a 4yz or 5yz that the session itself gives to the
  // command under way, and reports.
  void Refuse(const Reply& reply) { Refuse(reply, line_); }
  // The same where the reply is due later than its command.
  void Refuse(const Reply& reply, absl::string_view command) {
    Say(reply);
    Report(reply, command, /*content=*/false);
  }
  void Report(const Reply& reply, absl::string_view command, bool content);

  void EndTransaction();
  // Ends the transaction without a message: kAborted comes next.
  void Abort();
  // The message will be refused with `reply`: kAborted comes next, and the
  // transaction stays to its end, since the reply may be due many times.
  void RefuseMessage(Reply reply);
  void EndAuth();
  void Close(CloseReason reason);

  const ServerConfig& config_;
  State state_ = State::kStart;
  bool refused_ = false;    // greeted with 554: only QUIT is served
  bool abort_due_ = false;  // kAborted goes before anything else
  bool input_ended_ = false;
  bool wants_input_ = false;    // as the last Step said
  bool shutting_down_ = false;  // at the next safe point
  CloseReason reason_ = CloseReason::kQuit;
  SessionHandoff client_;  // what is known of it
  SharedTlsInfo tls_;
  uint64_t progress_ = 0;

  LineReader reader_;
  bool overlong_bdat_ = false;  // the line too long was meant to be a BDAT
  AskQueue asks_;
  bool next_waits_ = false;  // the next line is in, and no RCPT to ask ahead
  uint64_t examined_ = 0;    // besides what reader_ and intake_ count

  bool exchange_ = false;  // AUTH has begun, and has not come to an end
  bool secret_ = false;    // what was just consumed is, for Step::secret
  // AUTH has come, and no known verb since: an unknown command may be a part of
  // an exchange that its client takes to be open.
  bool after_auth_ = false;

  Transaction transaction_ = Transaction::kNone;
  // Null: there was none since ReleaseIdleMemory().
  std::unique_ptr<Envelope> envelope_;
  size_t rcpts_asked_ = 0;  // of this transaction

  // Null: there was none since ReleaseIdleMemory().
  std::unique_ptr<Intake> intake_;

  absl::string_view line_;  // the command under way, within Advance() alone
  std::unique_ptr<Reports> reports_;  // null: nothing was refused

  ReplyQueue output_;
};

}  // namespace postern

#endif  // POSTERN_ENGINE_SERVER_SESSION_H_
