// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The client's side of an SMTP or LMTP connection, without I/O. The deliveries
// that forward use it (delivery/forward/), and programs that embed the engine.
//
// A driver gives commands, passes the server's bytes to Advance() and acts on
// the ClientStep that it returns. Example: Greet() = 1, Send(Mail) = 2,
// Send(Rcpt) = 3, BeginBody() = 4 and Quit() = 5, all given at once:
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
// Without PIPELINING it is the same, one command at a time. If every RCPT is
// refused, DATA is kSkipped. If DATA has already left and the server replies
// 354, the session sends an empty message (RFC 2920 3.1), and DATA is kSkipped
// as well.
//
// LMTP, with two of three recipients (ids 3, 4, 5) accepted, and one of the two
// stored:
//
//   "354 go\r\n"            kBodyWanted 6         LendBody(), EndBody()
//   "250 stored\r\n452 ..." kReply 3 "250 stored"
//   "452 full\r\n"          kReply 5 "452 full"   no reply for 6
//
// TLS, with StartTls() = 2 after a Greet():
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
#include "engine/ask.h"
#include "engine/client_auth.h"
#include "engine/client_config.h"
#include "engine/client_step.h"
#include "engine/content/body_sender.h"
#include "engine/grammar/ehlo_keywords.h"
#include "engine/grammar/reply.h"
#include "engine/grammar/reply_reader.h"
#include "engine/grammar/utf8.h"
#include "engine/proxied_client.h"

namespace postern {

// ClientSession is the client's side of one SMTP (RFC 5321) or LMTP (RFC 2033)
// connection. The caller gives commands, bytes go in through Advance(), and
// replies come out of it with the ids of their commands. The session does no
// I/O, reads no clock, copies no content, starts no threads and calls no
// callbacks.
//
// Thread-compatible. Sessions share nothing but a const ClientConfig.
//
// Commands are queued, and leave as soon as the protocol allows it: one at a
// time, or up to ClientConfig::max_pipelined if the server offers PIPELINING
// (RFC 2920). A command that can only fail is not sent, and is reported as
// kSkipped: a RCPT whose MAIL was refused, a body whose RCPTs were all refused,
// and every command queued after a refused greeting, EHLO, STARTTLS, AUTH or
// XCLIENT. So nothing is sent without TLS, without authentication, or as this
// host, that was meant to be sent otherwise. Quit() is always sent.
//
// Each command gets one reply or is kSkipped, unless the session closes first.
// In LMTP, each accepted RCPT gets a second reply after the content, and the
// body gets no reply of its own, unless it fails before its end.
//
// A server's mistake never surfaces as a Status: it is kClosed. A Status
// reports a call that is not allowed; then nothing is sent:
//   kFailedPrecondition  not offered by the server, or not now
//   kInvalidArgument     cannot be expressed in the protocol
// The caller's strings cannot add a second command, whatever they contain.
class ClientSession {
 public:
  // `config` must be valid (ClientConfig::Validate) and outlive the session.
  explicit ClientSession(const ClientConfig& config);
  ClientSession(const ClientSession&) = delete;
  ClientSession& operator=(const ClientSession&) = delete;

  // EHLO, then HELO if the reply is 5yz (RFC 5321 3.2) and
  // ClientConfig::allow_helo is set. LHLO in LMTP. After the
  // reply, keywords() has what the server offers.
  CommandId Greet();
  // The same with the name of the client in place of this host's: after
  // NameClient(client), because a server may replace the HELO of XCLIENT by it,
  // and on a connection that is for this client alone.
  CommandId GreetFor(const ProxiedClient& client);

  // STARTTLS, RFC 3207. Fails if it is not offered or TLS has started. A 220 is
  // reported as kStartTls, any other reply as kReply. Plaintext after the 220
  // closes the session: an attacker may have inserted it to be taken for the
  // server's replies under TLS (RFC 3207 6).
  absl::StatusOr<CommandId> StartTls();

  // AUTH, RFC 4954. All bytes are raw; the session does the base64. `initial`
  // is sent with the command if it fits into the line. Otherwise it is sent as
  // the answer to the first challenge, which is not reported. Fails if the
  // server does not offer `mechanism`. The caller must not send a password
  // without TLS where that is unsafe.
  absl::StatusOr<CommandId> Auth(absl::string_view mechanism,
                                 std::optional<absl::string_view> initial);
  // Answer kChallenge: with bytes, which fail beyond 12,288 octets of base64
  // (RFC 4954 4), or with "*", to which the server replies 501. The reply comes
  // with the id of Auth().
  absl::Status AuthRespond(absl::string_view bytes);
  absl::Status AuthCancel();

  // XCLIENT: the server serves `client` in place of this host from now on (see
  // XClientLine). A 2yz restarts the session: GreetFor() must follow. Any other
  // reply skips the commands that are queued after it.
  absl::StatusOr<CommandId> NameClient(const ProxiedClient& client);
  // XFORWARD: names the client of the next Mail, for the server's log. A
  // refusal changes nothing.
  absl::StatusOr<CommandId> DescribeClient(const ProxiedClient& client);

  // MAIL and RCPT. Fail if a server could not parse the line as it is meant
  // (see ParseMail), and for parameters that this server does not offer. With
  // parameters, Greet() must have been answered. A path beyond ASCII needs
  // SMTPUTF8; for a Rcpt, the last Mail must have it.
  absl::StatusOr<CommandId> Send(const Mail& mail);
  absl::StatusOr<CommandId> Send(const Rcpt& rcpt);

  // DATA, which fails after a Mail with BODY=BINARYMIME (RFC 3030 3), or BDAT,
  // which fails if CHUNKING is not offered. When the server takes content, that
  // is kBodyWanted; the reply to the command is the one to the content. If the
  // body is refused or kSkipped, the server still has the sender: call Reset()
  // before the next Mail.
  absl::StatusOr<CommandId> BeginBody(BodyCommand framing = BodyCommand::kData);

  // Lends the next bytes of content after kBodyWanted. They must stay valid
  // until the next kBodyWanted, the body's reply or kClosed. kInvalidArgument
  // for a bare CR or LF under kData: neither `bytes` nor the end of the data is
  // sent, and the session is closed, because there is no other way to abort
  // DATA.
  absl::Status LendBody(absl::string_view bytes);
  // Ends the content, after kBodyWanted or LendBody(). Under kData a CRLF is
  // added if it is missing. Fails as LendBody() does for a CR at the end.
  absl::Status EndBody();

  // Sends RSET (RFC 5321 4.1.1.5).
  CommandId Reset();
  // Commands given after it are not sent.
  CommandId Quit();

  // Runs the protocol over `in` up to the next thing that the driver must act
  // on. `in` starts with the first byte not yet consumed and may grow between
  // calls. Drop ClientStep::consumed bytes of it. Costs O(bytes newly seen).
  // When kNeedInput is returned, the unconsumed input is shorter than
  // ClientConfig::max_line.
  ClientStep Advance(absl::string_view in);

  // The next bytes for the server, valid until the next non-const call. More
  // may follow when they are written. Partial writes are allowed. Write them
  // before passing input that replies to them: a reply to a command that has
  // not left closes the session.
  absl::string_view Output() const;
  // Reports that the first `n` bytes of Output() are written, n <= its size.
  void OutputWritten(size_t n);

  // The server will send nothing more. What it has sent still counts; when the
  // session would need input or a command, kClosed follows.
  void EndOfInput() { input_ended_ = true; }
  // The server exceeded ReadTimeout(), or the caller gives up.
  void TimedOut();
  // TLS has started, after kStartTls: the session forgets what the server
  // offered (RFC 3207 4.2). Pass only input that was read through TLS from now
  // on.
  void TlsStarted();

  // How long the server may take for its next reply, or for accepting the next
  // block of content: RFC 5321 4.5.3.2. Restart a timer of this duration
  // whenever progress() has changed, and only then.
  absl::Duration ReadTimeout() const;
  // Counts replies, and written blocks of content (ClientConfig::data_block).
  uint64_t progress() const { return progress_; }

  // Returns true when Advance() would return kIdle: the greeting has come and
  // no command is open.
  bool idle() const { return !closed_ && queue_.empty(); }

  // What the server offers, according to the last EHLO that it answered.
  const EhloKeywords& keywords() const { return keywords_; }
  bool offers(absl::string_view keyword) const {
    return keywords_.Has(keyword);
  }

 private:
  struct Command {
    enum class Kind : uint8_t {
      kGreeting,  // no command: the server replies first
      kEhlo,
      kHelo,
      kStartTls,
      kAuth,
      kXClient,
      kXForward,
      kMail,
      kRcpt,
      kData,     // waits for 354
      kBdat,     // waits to become kContent
      kContent,  // DATA or BDAT, once there is content to send
      kEmpty,    // 354, but no recipient for the content
      kReset,
      kQuit,
    };
    CommandId id{};
    Kind kind = Kind::kGreeting;
    std::string line = {};                  // with CRLF, until it is sent
    std::unique_ptr<ClientAuth> auth = {};  // kAuth
    std::string name = {};                  // kEhlo: of the client
    bool skipped = false;  // a command that it depends on was refused
    uint64_t end = 0;      // of its bytes, in terms of appended_
  };

  // Fail once the session is closed. Settled() also fails while a command is
  // open that changes what the server offers.
  absl::Status Open() const;
  absl::Status Settled() const;

  CommandId Queue(Command::Kind kind, std::string line);
  CommandId GreetAs(std::string name);
  void SendMore();
  bool MaySend() const;
  bool CanOnlyFail(const Command& command) const;
  void Append(Command* command, absl::string_view line);
  // The part of Output() that is commands.
  absl::string_view Pending() const {
    return absl::string_view(output_).substr(written_);
  }
  // Returns true if all of what `command` has appended is written.
  bool HasLeft(const Command& command) const {
    return command.end <= appended_ - Pending().size();
  }
  // Returns the exchange with an unanswered challenge, or null.
  ClientAuth* Challenged();
  void StartBody(BodyCommand framing);
  bool WantsBody() const;
  bool LastMustWait() const;
  bool BodyRefused() const { return refusal_.code != 0; }

  // Each returns the step to return to the driver, or nullopt to continue with
  // the input.
  std::optional<ClientStep> Run(absl::string_view in, size_t* consumed);
  std::optional<ClientStep> OnReply();
  std::optional<ClientStep> OnHello();
  std::optional<ClientStep> OnData();
  std::optional<ClientStep> OnContent();
  ClientStep Wait() const;
  CommandId Addressee() const;

  // Returns whether the first command in queue_ may get `code` as its reply
  // now.
  bool Expects(int code) const;
  // The first command in queue_ has its reply, or will not be sent: removes it
  // from queue_.
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
  size_t block_ = 0;  // octets of content since progress_ changed

  // The first sent_ of these are in output_ or have left, and wait for replies.
  std::deque<Command> queue_;
  size_t sent_ = 0;
  uint64_t next_id_ = 1;
  size_t unsettled_ = 0;  // commands in queue_ that change keywords_

  ReplyReader reader_;
  EhloKeywords keywords_;
  Utf8 utf8_ = Utf8::kNo;  // of the last Mail given
  bool binary_ = false;    // of the last Mail given
  bool pipelining_ = false;
  bool tls_due_ = false;               // STARTTLS was answered with 220
  bool mail_accepted_ = false;         // in the current transaction
  std::vector<CommandId> recipients_;  // accepted

  // The content, while the first command in queue_ is kContent.
  std::optional<BodySender> body_;
  bool body_asked_ = false;  // kBodyWanted was returned
  bool body_ended_ = false;  // EndBody() was called
  Reply refusal_;            // the first refusal of a chunk; code 0: none
  size_t answered_ = 0;      // of recipients_, in LMTP

  std::string output_;     // commands; the body's bytes follow
  size_t written_ = 0;     // bytes at the start of output_ that are written
  uint64_t appended_ = 0;  // octets appended to output_ so far
};

}  // namespace postern

#endif  // POSTERN_ENGINE_CLIENT_SESSION_H_
