// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What a ServerSession tells its driver: questions (Ask) and steps (Step).

#ifndef POSTERN_ENGINE_EVENT_H_
#define POSTERN_ENGINE_EVENT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/grammar/parameters.h"
#include "engine/grammar/path.h"
#include "engine/grammar/reply.h"
#include "engine/grammar/xclient.h"

namespace postern {

// Names one Ask of one session. Never reused within a session.
enum class RequestId : uint64_t {};

// A client has connected: the greeting is yours to give or to refuse (554,
// after which only QUIT is served: RFC 5321 3.1). A proxy's XCLIENT starts the
// session anew, with another client: then the question comes again.
struct Connected {
  std::optional<XClient> client;  // who it is, by the proxy's word
};

// HELO, EHLO (RFC 5321 4.1.1.1) or LHLO (RFC 2033 4.1).
struct Hello {
  enum class Verb : uint8_t { kHelo, kEhlo, kLhlo } verb = Verb::kEhlo;
  std::string client_name;  // as sent: a domain or an address literal
};

// MAIL, RFC 5321 4.1.1.2.
struct Mail {
  Path from;
  MailParameters parameters;
  int message = 0;  // the n-th MAIL of the session, from 1
};

// RCPT, RFC 5321 4.1.1.3. Everything a relay decision needs is in it.
struct Rcpt {
  Path from;  // of this transaction
  Path to;
  RcptParameters parameters;
  size_t index = 0;  // counts the RCPTs asked of this transaction, from 0
  int message = 0;   // as in its Mail
};

// STARTTLS, RFC 3207: accepted, 220 follows and then kStartTls. Refuse it with
// 454 where TLS cannot be had for the moment.
struct StartTls {};

// AUTH, RFC 4954 4. Answered with CompleteAuth(). Bytes are raw: the engine
// does the base64.
struct AuthBegin {
  std::string mechanism;  // upper case, one that was offered
  std::optional<std::string> initial_response;
};
// The client's answer to an AuthChallenge. Answered with CompleteAuth().
struct AuthResponse {
  std::string bytes;
};

// DATA (RFC 5321 4.1.1.4) or the first BDAT (RFC 3030 2) of a transaction:
// accepted, the content follows.
struct BodyBegin {};

// The content is complete. Accept only what is safe: RFC 5321 6.1. Under LMTP
// each recipient may have a verdict of its own (RFC 2033 4.2).
struct BodyEnd {
  uint64_t size = 0;  // octets, dots unstuffed, CRLF counted as two (RFC 1870)
};

// VRFY, RFC 5321 4.1.1.6. Accepting without a reply says 252 (RFC 5321 3.5.3).
struct Verify {
  std::string argument;
  bool smtp_utf8 = false;  // RFC 6531 3.7.4.2
};

// A verb that ServerConfig::more_verbs offers. Accepting without a reply says
// 250.
struct Other {
  absl::string_view verb;  // a name of VerbTable(), which is static
  std::string argument;    // as sent, without the white space around it
};

// A question only the embedder can answer. It owns its data: copy it, queue
// it, hand it to another thread.
struct Ask {
  RequestId id{};
  std::variant<Connected, Hello, StartTls, AuthBegin, AuthResponse, Mail, Rcpt,
               BodyBegin, BodyEnd, Verify, Other>
      what;
};

// An accepted recipient, and what was asked for it.
struct Recipient {
  Path path;
  RcptParameters parameters;

  friend bool operator==(const Recipient&, const Recipient&) = default;
};

// What has been agreed since MAIL, RFC 5321 3.3. Empty outside a transaction.
// It does not change between BodyBegin and the answer to BodyEnd.
struct Envelope {
  Path from;
  MailParameters parameters;
  std::vector<Recipient> to;  // in order
  int message = 0;            // as in its Mail; 0 outside a transaction

  // Forgets all of it, and keeps some room for the next.
  void Clear() {
    from = Path();
    parameters = MailParameters();
    message = 0;
    to.clear();
    constexpr size_t kRoom = 16;
    if (to.capacity() > kRoom) to.shrink_to_fit();
  }
};

// A 4yz or 5yz reply that the session gave by itself, for the protocol's
// reasons, or with which a port refused TLS (StartTls). For logs and counters.
// It owns its data.
struct Refusal {
  // What the reply answers: a name of VerbTable(), which is static. Empty for
  // an unknown command, for a line that is too long, and where no command is
  // the cause (a timeout, a shutdown).
  absl::string_view verb;
  // The command line as sent, without its CRLF, cut at kMaxCommand octets. A
  // command of AUTH ends after the mechanism, and the text of an unknown
  // command that follows AUTH is left out: what comes there may be a password.
  // The verb alone where the reply comes later than its command.
  std::string command;
  Reply reply;
  // The n-th MAIL of the session, from 1; 0 outside a transaction.
  int message = 0;
  // The reply to a message whose content is refused (a bare newline, hops,
  // size). Under LMTP it is given once for each recipient, and reported once.
  bool content = false;

  static constexpr size_t kMaxCommand = 128;
};

// What TLS has come to, for logs, trace and policy.
struct TlsInfo {
  std::string protocol;      // "TLSv1.3"
  std::string cipher;        // "TLS_AES_256_GCM_SHA384"
  std::string peer_subject;  // of a verified client certificate, else empty
};
// Of a session and its snapshots alike; null: the connection is in the clear.
using SharedTlsInfo = std::shared_ptr<const TlsInfo>;

// What a client has done out of turn, RFC 5321 3.1 and RFC 2920 3.1.
struct Violations {
  bool early_talk = false;  // spoke before the greeting
  bool pipelining = false;  // sent more behind a command that ends a group

  friend bool operator==(const Violations&, const Violations&) = default;
};

enum class CloseReason : uint8_t {
  kQuit,      // QUIT was answered
  kPeerGone,  // end of input
  kTimeout,   // the driver said so: TimedOut()
  kRefused,   // a Verdict::Drop
  kAbuse,     // too many errors, a web browser, plaintext behind STARTTLS...
  kShutdown,  // the driver said so: Shutdown()
};
inline constexpr size_t kCloseReasons =
    static_cast<size_t>(CloseReason::kShutdown) + 1;

// Returns "quit", "peer-gone", "timeout", "refused", "abuse" or "shutdown": for
// logs.
inline absl::string_view CloseReasonName(CloseReason reason) {
  switch (reason) {
    case CloseReason::kQuit:
      return "quit";
    case CloseReason::kPeerGone:
      return "peer-gone";
    case CloseReason::kTimeout:
      return "timeout";
    case CloseReason::kRefused:
      return "refused";
    case CloseReason::kAbuse:
      return "abuse";
    case CloseReason::kShutdown:
      return "shutdown";
  }
  return "";
}

// What Advance() did and what the driver does next. Plain data; a switch over
// `kind` is the whole protocol between engine and driver.
struct [[nodiscard]] Step {
  enum class Kind : uint8_t {
    kNeedInput,  // flush, then read more; unconsumed bytes stay in front
    kNeedFlush,  // Output() reached its cap: write some of it first
    kWaiting,    // flush, then wait: an Ask is open and nothing else can run
    kAsk,        // answer *ask with Complete(), now or later
    kBody,       // message content, dots unstuffed, in `body`
    kAborted,    // forget the envelope and any part of a message, and AUTH's
                 // exchange if there is one
    kStartTls,   // flush, then do the handshake and call TlsStarted(). Nothing
                 // that came in plain may be passed on: it would close
    kClosed,     // flush, then close; every later Step says so too
  };
  Kind kind = Kind::kNeedInput;
  size_t consumed = 0;       // drop these bytes of `in` once dealt with
  const Ask* ask = nullptr;  // session-owned, until completed or aborted
  absl::Span<const absl::string_view> body = {};  // see Advance()
  // kAborted because of the content (a bare newline, hops, size): what it will
  // be answered with, so far as is known. Session-owned, until the next call.
  const Reply* refusal = nullptr;
  CloseReason reason = CloseReason::kQuit;  // kClosed
  // Of the consumed bytes the first so many may hold a password: overwrite
  // them. `body` is behind them.
  size_t secret = 0;
};

}  // namespace postern

#endif  // POSTERN_ENGINE_EVENT_H_
