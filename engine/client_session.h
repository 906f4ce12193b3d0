// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The client's side of an SMTP or LMTP connection, without the connection.
//
// A driver gives commands, feeds what the server says to Advance() and acts on
// the ClientStep it returns. Greet() = 1, Send(Mail) = 2, Send(Rcpt) = 3,
// BeginBody() = 4 and Quit() = 5, given at once, go like this:
//
//   in                      step                  Output() then holds
//   "220 mx ESMTP\r\n"      kReply 0 "220 mx..."  EHLO c
//   "250-mx\r\n250 PIPE..." kReply 1 "250 mx..."  MAIL ... RCPT ... DATA
//   "250 ok\r\n250 ok\r\n"  kReply 2 "250 ok"
//   "250 ok\r\n354 go\r\n"  kReply 3 "250 ok"
//   "354 go\r\n"            kBodyWanted 4         LendBody("hi\r\n"):
//                                                 hi
//   ""                      kBodyWanted 4         EndBody():
//                                                 . QUIT
//   "250 ok\r\n221 bye\r\n" kReply 4 "250 ok"
//   "221 bye\r\n"           kReply 5 "221 bye"
//   ""                      kClosed kQuit
//
// Without PIPELINING the same, one command at a time. If each RCPT is refused,
// DATA is kSkipped; if it has gone and the server says 354 all the same, an
// empty message is ended (RFC 2920 3.1), and it is kSkipped as well.
//
// LMTP, two of three recipients (ids 3, 4, 5) taken, and one of them stored:
//
//   "354 go\r\n"            kBodyWanted 6         LendBody(), EndBody()
//   "250 stored\r\n452 ..." kReply 3 "250 stored"
//   "452 full\r\n"          kReply 5 "452 full"   no reply for 6
//
// TLS: StartTls() = 2 behind a Greet(), then
//
//   "220 go\r\n"            kStartTls 2           TlsStarted(), then Greet()

#ifndef POSTERN_ENGINE_CLIENT_SESSION_H_
#define POSTERN_ENGINE_CLIENT_SESSION_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/client_auth.h"
#include "engine/client_config.h"
#include "engine/client_step.h"
#include "engine/content/body_sender.h"
#include "engine/event.h"
#include "engine/grammar/ehlo_keywords.h"
#include "engine/grammar/reply.h"
#include "engine/grammar/reply_reader.h"
#include "engine/grammar/utf8.h"

namespace postern {

// ClientSession is the client's side of one SMTP (RFC 5321) or LMTP (RFC 2033)
// connection: commands are given, bytes go in through Advance(), replies come
// out of it under the ids of their commands. It does no I/O, reads no clock,
// copies no content, starts no threads and calls no one back.
//
// Thread-compatible: one thread at a time. Sessions share nothing but a const
// ClientConfig.
//
// Commands are queued, and leave as soon as the protocol lets them: one at a
// time, or up to ClientConfig::max_pipelined where the server has offered
// PIPELINING (RFC 2920). A command that can only fail is not sent, and comes
// back as kSkipped: a RCPT whose MAIL, a body all of whose RCPTs were refused,
// and whatever is queued behind a refused greeting, EHLO, STARTTLS or AUTH, so
// that nothing goes in the clear, or without a name, that was to go otherwise.
// Quit() always goes.
//
// Each command has one reply or is kSkipped, unless the session closes first.
// In LMTP a RCPT that was accepted has a second reply behind the content, and
// the body has none of its own, unless it fails before its end.
//
// What the server gets wrong never surfaces as Status: it is kClosed. Status
// reports what the caller may not do, and then nothing is sent:
//   kFailedPrecondition  not offered by the server, or not now
//   kInvalidArgument     cannot be said in the protocol
// Whatever the caller's strings hold, they are one command.
class ClientSession {
 public:
  // `config` must be valid (ClientConfig::Validate) and outlive the session.
  explicit ClientSession(const ClientConfig& config);
  ClientSession(const ClientSession&) = delete;
  ClientSession& operator=(const ClientSession&) = delete;

  // EHLO, then HELO if that draws 5yz (RFC 5321 3.2); LHLO in LMTP. What the
  // server offers is known once it is answered.
  CommandId Greet();

  // STARTTLS, RFC 3207. Fails if it is not offered or TLS has begun. A reply
  // of 220 is kStartTls; any other, a kReply. Plaintext behind the 220 closes
  // the session: somebody may have put it there to be taken for the server's
  // words under TLS (RFC 3207 6).
  absl::StatusOr<CommandId> StartTls();

  // AUTH, RFC 4954. All bytes are raw, the session does the base64. `initial`
  // is sent with the command where it fits into a line, and otherwise as the
  // answer to the first challenge, which is kept from the caller. Fails if the
  // server does not offer `mechanism`. To say a password only where it is safe
  // is the caller's business.
  absl::StatusOr<CommandId> Auth(absl::string_view mechanism,
                                 std::optional<absl::string_view> initial);
  // Answer kChallenge: with bytes, which fail beyond 12,288 octets of base64
  // (RFC 4954 4), or with "*", which the server answers with 501. The reply
  // comes under the id of Auth().
  absl::Status AuthRespond(absl::string_view bytes);
  absl::Status AuthCancel();

  // MAIL and RCPT. Fail on what no server could read as it is meant (see
  // ParseMail), and on parameters that this server does not offer. With
  // parameters, Greet() must have been answered. Paths beyond ASCII need
  // SMTPUTF8, that of a Rcpt in the last Mail given.
  absl::StatusOr<CommandId> Send(const Mail& mail);
  absl::StatusOr<CommandId> Send(const Rcpt& rcpt);

  // DATA, which fails behind a Mail of BODY=BINARYMIME (RFC 3030 3); or BDAT,
  // which fails unless CHUNKING is offered. Its 354, if it takes one, is
  // kBodyWanted; its reply is the one to the content. Where it is refused or
  // kSkipped the server still has the sender: give Reset() before the next
  // Mail.
  absl::StatusOr<CommandId> BeginBody(BodyCommand framing = BodyCommand::kData);

  // Lends the next bytes of content, behind kBodyWanted; until the next
  // kBodyWanted, the body's reply or kClosed. kInvalidArgument for a bare CR
  // or LF under kData: nothing of `bytes` is sent, nor the end of the data,
  // and the session is closed, since there is no other way out of DATA.
  absl::Status LendBody(absl::string_view bytes);
  // Ends the content, behind kBodyWanted or LendBody(). Under kData a CRLF is
  // added if there is none. Fails as LendBody() does for a CR at the end.
  absl::Status EndBody();

  CommandId Reset();
  // Nothing that is given behind it is sent.
  CommandId Quit();

  // Runs the protocol over `in` up to the next thing the driver must act on.
  // `in` starts with the first byte not yet consumed and may grow between
  // calls; drop ClientStep::consumed bytes of it. Costs O(bytes newly seen).
  // Unconsumed input is shorter than ClientConfig::max_line once kNeedInput
  // is returned.
  ClientStep Advance(absl::string_view in);

  // The next bytes for the server, until the next non-const call: more may
  // follow when they are written. Partial writes are fine. Write before you
  // feed what answers it: a reply to what has not left closes the session.
  absl::string_view Output() const;
  // Says that the first `n` bytes of Output() are written, n <= its size.
  void OutputWritten(size_t n);

  // The server will send nothing more. What it has sent still counts; where
  // input would be needed, or a command, kClosed follows.
  void EndOfInput() { input_ended_ = true; }
  // The server took longer than ReadTimeout(), or the caller has had enough.
  void TimedOut();
  // TLS has begun, behind kStartTls: all that was known is forgotten (RFC 3207
  // 4.2). What is fed from now on was read through TLS.
  void TlsStarted();

  // How long the server may take over its next reply, or over taking the next
  // block of content: RFC 5321 4.5.3.2. Re-arm a timer of it whenever
  // progress() has changed, and only then.
  absl::Duration ReadTimeout() const;
  // Counts replies, and blocks of content written (ClientConfig::data_block).
  uint64_t progress() const { return progress_; }

  // Returns true where kIdle comes: no command is open, nor the greeting.
  bool idle() const { return !closed_ && queue_.empty(); }

  // What the server offers, by the last EHLO that it has answered.
  const EhloKeywords& keywords() const { return keywords_; }
  bool offers(absl::string_view keyword) const {
    return keywords_.Has(keyword);
  }

 private:
  struct Command {
    enum class Kind : uint8_t {
      kGreeting,  // no command: the server speaks first
      kEhlo,
      kHelo,
      kStartTls,
      kAuth,
      kMail,
      kRcpt,
      kData,     // waits for 354
      kBdat,     // waits for its turn
      kContent,  // either, once there is content to send
      kEmpty,    // 354, and no one to send content to
      kReset,
      kQuit,
    };
    CommandId id{};
    Kind kind = Kind::kGreeting;
    std::string line = {};                  // with CRLF, until it is sent
    std::unique_ptr<ClientAuth> auth = {};  // kAuth
    bool skipped = false;  // what it was to follow has been refused
    uint64_t end = 0;      // of its bytes, counted as appended_
  };

  // Fail once the session is closed; Settled() also while a command is open
  // that changes what the server offers.
  absl::Status Open() const;
  absl::Status Settled() const;

  CommandId Queue(Command::Kind kind, std::string line);
  void SendMore();
  bool MaySend() const;
  bool CanOnlyFail(const Command& command) const;
  void Append(Command* command, absl::string_view line);
  // The commands' part of Output().
  absl::string_view Pending() const {
    return absl::string_view(output_).substr(written_);
  }
  // Returns true if all of what `command` has appended is written.
  bool HasLeft(const Command& command) const {
    return command.end <= appended_ - Pending().size();
  }
  // Returns the exchange whose challenge is to be answered, or null.
  ClientAuth* Challenged();
  void StartBody(BodyCommand framing);
  bool WantsBody() const;
  bool LastMustWait() const;
  bool BodyRefused() const { return refusal_.code != 0; }

  // Each returns the step to hand out, or nullopt to go on in the input.
  std::optional<ClientStep> Run(absl::string_view in, size_t* consumed);
  std::optional<ClientStep> OnReply();
  std::optional<ClientStep> OnHello();
  std::optional<ClientStep> OnData();
  std::optional<ClientStep> OnContent();
  ClientStep Wait() const;
  CommandId Addressee() const;

  // Returns whether the front of queue_ may be answered with `code` now.
  bool Expects(int code) const;
  // The front's reply is here, or it is not sent: it leaves queue_.
  ClientStep Answer(const Reply& reply);
  ClientStep Skip();
  void Pop();
  void SkipUnsent();
  void EndTransaction();
  void Close(ClientClose reason);

  const ClientConfig& config_;
  std::optional<ClientClose> closed_;
  bool input_ended_ = false;
  bool tls_ = false;
  uint64_t progress_ = 0;
  size_t block_ = 0;  // octets of content since progress_ has changed

  // The first sent_ are in output_ or have left, and wait for replies.
  std::deque<Command> queue_;
  size_t sent_ = 0;
  uint64_t next_id_ = 1;
  size_t unsettled_ = 0;  // commands in queue_ that change keywords_

  ReplyReader reader_;
  EhloKeywords keywords_;
  Utf8 utf8_ = Utf8::kNo;  // of the last Mail given
  bool binary_ = false;    // the same
  bool pipelining_ = false;
  bool tls_due_ = false;               // STARTTLS was answered with 220
  bool mail_accepted_ = false;         // of this transaction
  std::vector<CommandId> recipients_;  // accepted

  // The content, while the front of queue_ is kContent.
  std::optional<BodySender> body_;
  bool body_asked_ = false;  // kBodyWanted was handed out
  bool body_ended_ = false;  // EndBody()
  Reply refusal_;            // the first of its chunks'; code 0: none
  size_t answered_ = 0;      // of recipients_, in LMTP

  std::string output_;     // commands; the body's bytes come behind
  size_t written_ = 0;     // front bytes of output_ that are gone
  uint64_t appended_ = 0;  // to output_, ever
};

}  // namespace postern

#endif  // POSTERN_ENGINE_CLIENT_SESSION_H_
