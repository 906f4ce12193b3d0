// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The server's side of an SMTP connection, without I/O.
//
// A driver passes received bytes to Advance() and acts on the Step that it
// returns. In the tables below, "in" is what has arrived and has not been
// consumed. A short session:
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
// A bare LF in the content: kAborted follows at once. The rest of the message
// is consumed, and the client gets the 554 after the end of the data.
//
// A bare LF in a command: the client gets a 500 at once, and kClosed follows.
// The bytes after the bare LF are not read as commands (LineReader gives the
// reason).
//
//   "NOOP\nMAIL FROM:<s@..."  kClosed kAbuse              500 5.5.2 bare LF...
//
// STARTTLS, then AUTH. A step marked `-` repeats until the driver has done what
// it asks for:
//
//   "STARTTLS\r\n"           kAsk StartTls   Accept      220 2.0.0 ready
//   ""                       - kStartTls     write Output(), do the handshake,
//                                            TlsStarted()
//   "EHLO c\r\n"             kAsk Hello      Accept      250-mx ... 250 AUTH...
//   "AUTH PLAIN\r\n"         kAsk AuthBegin  Challenge   334
//   "AHUAcA==\r\n"           kAsk AuthResponse  Granted  235 2.7.0 ok
//
// A message in chunks (RFC 3030). The question comes before the octets:
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
#include "engine/ask.h"
#include "engine/ask_queue.h"
#include "engine/command.h"
#include "engine/content.h"
#include "engine/grammar/line_reader.h"
#include "engine/grammar/reply.h"
#include "engine/grammar/verb.h"
#include "engine/reply_queue.h"
#include "engine/server_config.h"
#include "engine/session_handoff.h"
#include "engine/step.h"
#include "engine/tls_info.h"
#include "engine/verdict.h"

namespace postern {

// A reply that a session has given.
struct GivenReply {
  // The command that it answers: a name of VerbTable(), which is static. Empty
  // for the greeting, an unknown command, a line that is too long, and if no
  // command is the cause (a timeout, a shutdown).
  absl::string_view verb;
  int code = 0;  // 200 to 599
  // It answers the complete content of a message. Under LMTP there is one for
  // each recipient.
  bool content = false;
  // An answer of the embedder to an Ask decided it. Otherwise the session did.
  bool asked = false;
  size_t size = 0;  // octets in Output()
};

// ServerSession is the server's side of one SMTP (RFC 5321) or LMTP (RFC 2033)
// connection. Bytes go in through Advance(), replies come out of Output(), and
// what the protocol does not decide comes out as an Ask. The session does no
// I/O, reads no clock, allocates no input buffers, starts no threads and calls
// no callbacks.
//
// Thread-compatible. Sessions share nothing but a const ServerConfig. A
// RequestId may be passed to any thread, but only the session's thread may call
// Complete().
//
// A client's mistake never surfaces as a Status: it leads to a reply, and in
// some cases to kClosed. A Status reports a late or wrong call by the embedder:
//   kNotFound            no such open question (a late answer; drop it)
//   kFailedPrecondition  this kind of answer does not fit that question
//   kInvalidArgument     the reply's code does not fit (say, 250 in a Refuse)
// After any error the session is unchanged.
//
// The replies depend only on the bytes and on the answers. They do not depend
// on how the bytes are split, on when the answers come, or on their order.
// ServerConfig::pipelining describes the one exception.
//
// Memory (the formula is in tests/memory_test.cc):
//   - sizeof(ServerSession);
//   - the strings of the envelope: at most max_recipients, each within a
//     command line;
//   - Output(): at most max_output and one reply (under LMTP, one for each
//     recipient), and as much again of written octets until the rest is
//     written;
//   - max_open_asks questions, each within a line;
//   - the refusals since TakeRefusals(): at most max_reported + 1;
//   - from the first message on, one Content.
// After ReleaseIdleMemory(), between two commands and outside a transaction:
// sizeof(ServerSession), some counters if the session has refused anything, and
// the strings of identity() and tls().
class ServerSession {
 public:
  // `config` must be valid (ServerConfig::Validate) and outlive the session.
  explicit ServerSession(const ServerConfig& config);
  // A session that continues another one, which had StartTls as its open
  // question and returned `handoff` from handoff(). The question StartTls comes
  // first, again. If it is accepted, 220 and then kStartTls follow. If it is
  // refused, the session continues without TLS, as the other would have. There
  // is no greeting.
  ServerSession(const ServerConfig& config, SessionHandoff handoff);
  ServerSession(const ServerSession&) = delete;
  ServerSession& operator=(const ServerSession&) = delete;

  // Runs the protocol over `in` up to the next thing that the driver must act
  // on. `in` starts with the first byte not yet consumed and may grow between
  // calls. Drop Step::consumed bytes of it after acting on the step. Costs
  // O(bytes newly seen), however the input is split. When kNeedInput is
  // returned, the unconsumed input is shorter than ServerConfig::InputRoom().
  // To apply back-pressure, the driver does not call Advance().
  //
  // Step::body points into `in`, into constants or into the session. It is
  // valid until the next Advance(), and only as long as the bytes of `in`.
  Step Advance(absl::string_view in);

  // Answers an open Ask, which can be done once. Answers may come in any order;
  // replies and changes of the envelope follow the order of the commands.
  absl::Status Complete(RequestId id, Verdict verdict);
  // Answers a BodyEnd under LMTP: one verdict for each recipient of the
  // envelope, in order. To give one verdict for all, use the other Complete().
  absl::Status Complete(RequestId id, absl::Span<const Verdict> verdicts);
  // Answers AuthBegin and AuthResponse. To refuse, Complete() with a Verdict
  // does the same. kInvalidArgument: a challenge of more than 9,216 octets
  // (12,288 in base64), or an empty identity.
  absl::Status CompleteAuth(RequestId id, AuthAnswer answer);

  // Bytes for the client, valid until the next non-const call. Partial writes
  // are allowed.
  absl::string_view Output() const { return output_.view(); }
  // Reports that the first `n` bytes of Output() are written, n <= its size.
  void OutputWritten(size_t n) { output_.Written(n); }

  // Counts all replies that Output() has held, written or not.
  const ReplyCounts& replies() const { return output_.counts(); }

  // Returns the refusals that the session has decided by itself since the last
  // call, in the order of their replies. The replies are in Output(), or were
  // there before. A session returns at most ServerConfig::max_reported + 1
  // refusals. The driver calls this after each Advance(); it costs nothing
  // while the session refuses nothing.
  std::vector<Refusal> TakeRefusals();
  bool has_refusals() const {
    return reports_ != nullptr && !reports_->open.empty();
  }
  // Counts all of these refusals, reported or not, but not those of a session
  // that this one continues.
  uint32_t refused() const { return reports_ == nullptr ? 0 : reports_->all; }

  // Reports all later replies in TakeReplies(). For a driver that changes or
  // records them. Call it before the first Advance(). Each reply then costs
  // memory until TakeReplies().
  void ReportReplies();
  // Returns the replies since the last call, in the order of Output(). If the
  // driver has called it and OutputWritten() for all of Output() before, their
  // sizes add up to the size of Output().
  std::vector<GivenReply> TakeReplies();

  // The client will send nothing more. The session still serves what it has
  // received and still takes answers to open Asks; when it would need input,
  // kClosed follows.
  void EndOfInput() { input_ended_ = true; }
  // The client exceeded ReadTimeout() or IdleTimeout(), or the driver ends the
  // session because of another timeout. Drops the transaction and open Asks,
  // replies 421 and closes. There is no reply after the 220 to STARTTLS,
  // because the client expects a handshake. A client that waits for the reply
  // to a message that it ended in a bare LF gets the message's 554 instead,
  // because after a 421 it would send the same message again for days. If bare
  // newlines are normalized there is no 554, and the client gets a 451 that
  // says what is missing: a client that is only slow must be able to send its
  // message again.
  void TimedOut();
  // The server shuts down. As soon as no answer is due and no content is in
  // progress, the session replies 421 and closes. Until then it continues.
  void Shutdown() { shutting_down_ = true; }
  // TLS has started: after kStartTls, or before the first Advance() if the
  // connection begins with TLS. The session forgets what the client has said
  // (RFC 3207 4.2), but keeps its counts of errors, AUTH failures and messages,
  // and its violations.
  void TlsStarted(TlsInfo info);
  // The client has sent something before its greeting. The driver reports it
  // before the first Advance() or while Connected is open.
  // ServerConfig::early_talk decides what follows; kReject also withdraws the
  // open question.
  void TalkedEarly();

  // Outside a transaction, and with no question open, frees all memory that is
  // kept for reuse. For a driver of many sessions, when one of them may wait
  // for a long time. Nothing else changes; later commands allocate again.
  void ReleaseIdleMemory();

  // How long the client may take for its next command or block of content, RFC
  // 5321 4.5.3.2. Restart a timer of this duration whenever progress() has
  // changed, and only then, so that a client cannot extend it with single
  // bytes.
  absl::Duration ReadTimeout() const;
  // How long the driver may wait for the next octet, counted from the last one.
  // InfiniteDuration() if only ReadTimeout() applies. While the content ends in
  // LF.LF, the end of a message for a client that ends its lines in LF, it is
  // ServerConfig::bare_newline_timeout, and at most ReadTimeout(): such a
  // client waits for a reply and sends nothing more. This only shortens a wait;
  // the deadline of ReadTimeout() still applies.
  absl::Duration IdleTimeout() const;
  // Counts commands, blocks of content (ServerConfig::data_block) and answers.
  uint64_t progress() const { return progress_; }

  // Returns the number of the message (Mail::message) whose content is in
  // progress, or 0. Content is in progress from an accepted BodyBegin to the
  // last octet, also between the chunks of a message that is not refused, and
  // while the octets of a refused BDAT are read.
  uint64_t content() const;

  // Returns the open question `id`, or null if it is answered or an answer
  // would be too late. Valid until the next non-const call.
  const Ask* open_ask(RequestId id) const {
    const AskQueue::Entry* entry = asks_.Find(id);
    return entry == nullptr ? nullptr : &entry->ask;
  }
  // The sender, parameters and accepted recipients since MAIL. Empty outside a
  // transaction, where the reference is valid until the next non-const call.
  const Envelope& envelope() const;
  const ServerConfig& config() const { return config_; }
  // Whether this is an LMTP session: ServerConfig::lmtp.
  bool lmtp() const { return config_.lmtp; }
  // The user, from AUTH or from a proxy's XCLIENT. Empty: not known.
  const std::string& identity() const { return client_.identity; }
  // The negotiated TLS parameters. Null: no TLS. After XCLIENT they are still
  // those of the proxy's connection, but without its certificate.
  const SharedTlsInfo& tls() const { return tls_; }
  // What the client has done out of turn so far.
  const Violations& violations() const { return client_.violations; }
  // What a session that continues this one needs. Call it only while StartTls
  // is the open question.
  const SessionHandoff& handoff() const;
  // Counts the bytes of input examined so far, including repeated ones. Tests
  // use it to check that the cost is linear in the input, however it is split.
  uint64_t examined() const;

  // Returns true between two commands and outside a transaction, where an end
  // of input loses nothing.
  bool idle() const;

  // Returns the name of the state, for people: a column of the table in
  // docs/architecture.md ("ungreeted", "idle", "mail"), or "start", "auth",
  // "content", "starttls" or "closed".
  absl::string_view state_name() const;

 private:
  enum class State : uint8_t {
    kStart,         // Connected has not been asked yet
    kContinued,     // continues another session; StartTls is asked next
    kCommand,       // between commands, or waiting for answers
    kAuth,          // after a 334, or waiting for the authenticator
    kBody,          // after a 354, or in a chunk
    kDiscardChunk,  // in a chunk that is discarded
    kStartTls,      // after the 220 to STARTTLS
    kClosed,
  };
  enum class Transaction : uint8_t {
    kNone,
    kOpen,    // MAIL accepted, and the transaction has not ended
    kChunks,  // a BDAT accepted that was not the last
    kBroken,  // a BDAT refused that was not the last
  };

  // Why a chunk is refused. This decides who reports it.
  enum class Cause : uint8_t {
    kProtocol,  // BDAT is not allowed here
    kContent,   // the message's content
    kAnswer,    // the embedder's answer, which it reports itself
  };
  // The content of the current message, or a chunk that is discarded. The next
  // message reuses the object, so that it allocates nothing.
  struct Intake {
    bool chunked = false;  // the content comes in chunks
    Chunk chunk;           // the current chunk; `size` is what is left of it
    // The message is refused, and the embedder knows: kAborted is not needed
    // when the transaction ends.
    bool draining = false;
    bool ended = false;                    // its last octet has been consumed
    bool refusal_due = false;              // kAborted will show `refusal`
    Cause chunk_cause = Cause::kProtocol;  // of the discarded chunk
    // For the message or the discarded chunk; or left over from an earlier one.
    std::unique_ptr<const Reply> refusal;
    std::optional<Content> content;  // none before the first accepted BodyBegin
    uint64_t block = 0;  // octets of content since progress_ changed
  };
  // Replies to report, and what is known of the next one.
  struct Given {
    GivenReply next;
    std::vector<GivenReply> open;  // not taken yet
  };
  // What is reported. Allocated for the first refusal, or by ReportReplies().
  struct Reports {
    std::vector<Refusal> open;  // not taken yet
    uint32_t all = 0;
    std::unique_ptr<Given> given;  // null: replies are not reported
  };

  Intake& intake();  // allocates it if necessary
  bool draining() const { return intake_ != nullptr && intake_->draining; }
  Phase phase() const;
  ParameterRules parameter_rules() const;
  Utf8 utf8() const;  // of the current transaction

  // Each returns the step to return to the driver, or nullopt to continue with
  // the input.
  std::optional<Step> Run(absl::string_view in, size_t* consumed);
  std::optional<Step> RunStartTls(absl::string_view in);
  std::optional<Step> RunCommands(absl::string_view in, size_t* consumed);
  std::optional<Step> RunAuth(absl::string_view in, size_t* consumed);
  std::optional<Step> RunBody(absl::string_view in, size_t* consumed);
  std::optional<Step> RunDiscardChunk(absl::string_view in, size_t* consumed);
  LineReader::Result ReadLine(absl::string_view in, size_t max_line);
  // The line of `command` ends in a bare LF: replies and closes. See
  // LineReader.
  std::optional<Step> RefuseBareLf(absl::string_view command);
  std::optional<Step> OnCommand(const Command& command);
  std::optional<Step> LookAhead(absl::string_view in, size_t* consumed);
  static Step AskStep(const Ask* ask);
  // More input is needed: returns kNeedInput, or closes if the input has ended.
  std::optional<Step> WantInput();

  // Each returns the question to ask, or null if the reply is already given.
  const Ask* Serve(const Command& command);
  const Ask* OnHello(Hello::Verb verb, absl::string_view argument);
  const Ask* OnMail(absl::string_view argument);
  const Ask* OnRcpt(absl::string_view argument);
  const Ask* OnBdat(const Chunk& chunk);
  const Ask* OnStartTls();
  const Ask* OnAuth(absl::string_view argument);
  const Ask* OnXClient(absl::string_view argument);
  const Ask* OnVrfy(absl::string_view argument);

  // Replies `reply` after the octets of the refused chunk.
  // Returns the question of DATA or the first BDAT.
  BodyBegin BeginBody() const;
  void RefuseChunk(const Chunk& chunk, Reply reply, Cause cause);
  // The same for a refusal that also ends the transaction.
  void FailChunk(const Chunk& chunk, Reply reply, Cause cause);
  // Sends the chunk's refusal, under LMTP once for each recipient if it is due.
  void SayForChunk();
  std::optional<Step> EndChunk();
  std::optional<Step> EndBody();
  void CountBlock(uint64_t octets);
  bool AwaitsReplyToBareNewline() const;

  // Applies an answer. The envelope takes over what it needs from the question.
  void Apply(Ask& ask, const Verdict& verdict);
  void Accepted(Ask& ask, const Verdict& verdict);
  void BodyAccepted(const Verdict& verdict);
  void MessageDecided(absl::Span<const Verdict> verdicts);

  // Queues `reply`. A 5yz counts as an error.
  void Say(const Reply& reply);
  // Queues `reply`, or a challenge of AUTH, and reports it if necessary.
  void Append(const Reply& reply);
  void AppendChallenge(absl::string_view bytes);
  // What ReportReplies() needs to know of the next reply. Null: nothing.
  GivenReply* next_reply() {
    return reports_ == nullptr || reports_->given == nullptr
               ? nullptr
               : &reports_->given->next;
  }
  // Reports the reply that has made Output() longer than `before`.
  void Note(int code, size_t before);
  void Say(const std::optional<Reply>& reply, const Reply& usual) {
    Say(reply ? *reply : usual);
  }
  // The reply to a message. Under LMTP there is one for each recipient, but
  // they count as one error.
  void SayForMessage(const Reply& reply);
  // Replies to the current command with a 4yz or 5yz of the session's own, and
  // reports it.
  void Refuse(const Reply& reply) { Refuse(reply, line_); }
  // The same for a reply that comes later than its command.
  void Refuse(const Reply& reply, absl::string_view command) {
    Say(reply);
    Report(reply, command, /*content=*/false);
  }
  void Report(const Reply& reply, absl::string_view command, bool content);

  void EndTransaction();
  // Ends the transaction without a message. kAborted comes next.
  void Abort();
  // The message will be refused with `reply`. kAborted comes next; the
  // transaction stays open to its end, because LMTP may need the reply for each
  // recipient.
  void RefuseMessage(Reply reply);
  void EndAuth();
  void Close(CloseReason reason);

  const ServerConfig& config_;
  State state_ = State::kStart;
  bool refused_ = false;    // greeted with 554: only QUIT is served
  bool abort_due_ = false;  // kAborted comes before anything else
  bool input_ended_ = false;
  bool wants_input_ = false;    // the last Step was kNeedInput
  bool shutting_down_ = false;  // at the next point without open work
  CloseReason reason_ = CloseReason::kQuit;
  SessionHandoff client_;  // what is known of the client
  SharedTlsInfo tls_;
  uint64_t progress_ = 0;

  LineReader reader_;
  bool overlong_bdat_ = false;  // the overlong line was meant to be a BDAT
  AskQueue asks_;
  bool next_waits_ = false;  // the next line is complete, and must wait
  uint64_t examined_ = 0;    // in addition to the counts of reader_ and intake_

  bool exchange_ = false;  // an AUTH exchange has begun and has not ended
  bool secret_ = false;    // the bytes just consumed may be, see Step::secret
  // The last known verb was AUTH: an unknown command may be part of an exchange
  // that the client believes to be open.
  bool after_auth_ = false;

  Transaction transaction_ = Transaction::kNone;
  // Null: none since ReleaseIdleMemory().
  std::unique_ptr<Envelope> envelope_;
  size_t rcpts_asked_ = 0;  // in this transaction

  // Null: none since ReleaseIdleMemory().
  std::unique_ptr<Intake> intake_;

  absl::string_view line_;  // the current command, only within Advance()
  std::unique_ptr<Reports> reports_;  // null: nothing has been refused

  ReplyQueue output_;
};

}  // namespace postern

#endif  // POSTERN_ENGINE_SERVER_SESSION_H_
