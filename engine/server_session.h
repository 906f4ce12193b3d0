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

#ifndef POSTERN_ENGINE_SERVER_SESSION_H_
#define POSTERN_ENGINE_SERVER_SESSION_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/ask_queue.h"
#include "engine/body_scanner.h"
#include "engine/command.h"
#include "engine/event.h"
#include "engine/hop_counter.h"
#include "engine/line_reader.h"
#include "engine/reply.h"
#include "engine/server_config.h"
#include "engine/verb.h"
#include "engine/verdict.h"

namespace postern {

// ServerSession is the server's side of one SMTP connection (RFC 5321): bytes
// go in through Advance(), replies come out of Output(), and questions that
// the protocol does not decide come out as Asks. It does no I/O, reads no
// clock, allocates no buffers for input, starts no threads and calls no one
// back.
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
// how the bytes were cut, how late the answers came or in which order.
class ServerSession {
 public:
  // `config` must be valid (ServerConfig::Validate) and outlive the session.
  explicit ServerSession(const ServerConfig& config);
  ServerSession(const ServerSession&) = delete;
  ServerSession& operator=(const ServerSession&) = delete;

  // Runs the protocol over `in` up to the next thing the driver must act on.
  // `in` starts with the first byte not yet consumed and may grow between
  // calls; drop Step::consumed bytes of it after acting on the step. Costs
  // O(bytes newly seen), however the input was cut. Unconsumed input is
  // shorter than ServerConfig::max_line once kNeedInput is returned. Not
  // calling Advance() is how the driver applies back-pressure.
  //
  // Step::body points into `in` (or at constants) and lives as long as your
  // bytes do; the list itself, until the next Advance().
  Step Advance(absl::string_view in);

  // Answers an open Ask, once. Answers may come in any order: replies leave,
  // and the envelope grows, in the order of the commands.
  absl::Status Complete(RequestId id, Verdict verdict);

  // Bytes for the peer, until the next non-const call. Partial writes are fine.
  absl::string_view Output() const {
    return absl::string_view(output_).substr(written_);
  }
  // Says that the first `n` bytes of Output() are written, n <= its size.
  void OutputWritten(size_t n);

  // The peer will send nothing more. What it has sent is still served and open
  // Asks are still answered; where input would be needed, kClosed follows.
  void EndOfInput() { input_ended_ = true; }
  // The peer took longer than ReadTimeout(), or its time is up for another
  // reason: drops the transaction and open Asks, says 421, closes.
  void TimedOut();

  // How long the peer may take over its next command or block of content, RFC
  // 5321 4.5.3.2. Re-arm a timer of it whenever progress() has changed, and
  // only then, so that a trickle of bytes buys no time.
  absl::Duration ReadTimeout() const;
  // Counts commands, blocks of content (ServerConfig::data_block) and answers.
  uint64_t progress() const { return progress_; }

  // What has been agreed since MAIL; stays until the transaction's end.
  const Envelope& envelope() const { return envelope_; }
  // Returns true between two commands and outside a transaction: where an end
  // of input is no loss to anyone.
  bool idle() const;

 private:
  enum class State : uint8_t {
    kStart,    // the greeting has not been asked for
    kCommand,  // between commands, or waiting for answers
    kBody,     // behind 354
    kClosed,
  };

  Phase phase() const;

  // Each returns the step to hand out, or nullopt to go on in the input.
  std::optional<Step> RunCommands(absl::string_view in, size_t* consumed);
  std::optional<Step> RunBody(absl::string_view in, size_t* consumed);
  std::optional<Step> OnCommand(const Command& command);
  std::optional<Step> LookAhead(absl::string_view in, size_t* consumed);

  const Ask* OnMail(absl::string_view argument);
  const Ask* OnRcpt(absl::string_view argument);
  std::optional<Step> EndBody();

  void Apply(const Ask& ask, const Verdict& verdict);
  void Accepted(const Ask& ask, const Verdict& verdict);

  // Queues `reply`. A 5yz counts as an error.
  void Say(const Reply& reply);
  void Say(const std::optional<Reply>& reply, const Reply& usual) {
    Say(reply ? *reply : usual);
  }
  std::optional<Reply> ContentRefusal() const;

  void EndTransaction();
  // Ends the transaction without a message: kAborted comes next.
  void Abort();
  void Close(CloseReason reason);

  const ServerConfig& config_;
  State state_ = State::kStart;
  bool refused_ = false;      // greeted with 554: only QUIT is served
  bool greeted_ = false;      // HELO or EHLO accepted
  bool transaction_ = false;  // MAIL accepted, and the end not reached
  bool abort_due_ = false;    // kAborted goes before anything else
  bool input_ended_ = false;
  CloseReason reason_ = CloseReason::kQuit;
  int errors_ = 0;  // 5yz replies since the last accepted message
  uint64_t progress_ = 0;
  size_t block_ = 0;  // octets of content since progress_ has changed

  LineReader reader_;
  AskQueue asks_;
  Envelope envelope_;
  size_t rcpts_asked_ = 0;  // of this transaction

  BodyScanner scanner_;
  HopCounter hops_;
  bool draining_ = false;    // the content has been found wanting
  Reply refusal_;            // and why, so far as is known
  bool body_ended_ = false;  // its last byte has been consumed

  std::string output_;
  size_t written_ = 0;  // front bytes of output_ that are gone
};

}  // namespace postern

#endif  // POSTERN_ENGINE_SERVER_SESSION_H_
