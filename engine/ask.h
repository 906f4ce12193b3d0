// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The questions that a session asks its embedder (Ask), the envelope that the
// answers make, and the refusals that the session decides by itself.

#ifndef POSTERN_ENGINE_ASK_H_
#define POSTERN_ENGINE_ASK_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"
#include "engine/grammar/parameters.h"
#include "engine/grammar/path.h"
#include "engine/grammar/reply.h"
#include "engine/grammar/xclient.h"

namespace postern {

// Identifies one Ask of one session. Never reused within a session.
enum class RequestId : uint64_t {};

// A client has connected. Accept to greet it, or refuse with 554, after which
// only QUIT is served (RFC 5321 3.1). XCLIENT from a proxy restarts the session
// with another client, and the question comes again.
struct Connected {
  std::optional<XClient> client;  // the client, according to the proxy
};

// HELO, EHLO (RFC 5321 4.1.1.1) or LHLO (RFC 2033 4.1).
struct Hello {
  // The commands that greet.
  enum class Verb : uint8_t { kHelo, kEhlo, kLhlo };
  Verb verb = Verb::kEhlo;  // the command that the client sent
  std::string client_name;  // as sent: a domain or an address literal
};

// MAIL, RFC 5321 4.1.1.2.
struct Mail {
  // The reverse-path. Path::null(): a bounce.
  Path from;
  MailParameters parameters;  // those that follow the reverse-path
  int message = 0;            // the n-th MAIL of the session, from 1
};

// RCPT, RFC 5321 4.1.1.3. It has everything that a relay decision needs.
struct Rcpt {
  Path from;  // of the current transaction
  // The forward-path.
  Path to;
  RcptParameters parameters;  // those that follow the forward-path
  size_t index = 0;  // counts the RCPTs asked in this transaction, from 0
  int message = 0;   // as in its Mail
  // SIZE of its Mail (RFC 1870 3). nullopt: the client did not give it.
  std::optional<uint64_t> size;
};

// STARTTLS, RFC 3207. If accepted, a 220 and then kStartTls follow. Refuse with
// 454 if TLS is temporarily not available.
struct StartTls {};

// AUTH, RFC 4954 4. Answer with CompleteAuth(). Bytes are raw: the engine does
// the base64.
struct AuthBegin {
  std::string mechanism;  // upper case, one that was offered
  // Decoded. nullopt: the command had none; empty: it was "=".
  std::optional<std::string> initial_response;
};
// The client's response to an AuthChallenge. Answer with CompleteAuth().
struct AuthResponse {
  // Decoded from base64.
  std::string bytes;
};

// DATA (RFC 5321 4.1.1.4) or the first BDAT (RFC 3030 2) of a transaction. If
// accepted, the content follows.
struct BodyBegin {
  Path from;              // of the envelope
  Path to;                // of the envelope, if it has one recipient
  size_t recipients = 0;  // of the envelope
  int message = 0;        // as in its Mail
  // SIZE of its Mail (RFC 1870 3). nullopt: the client did not give it.
  std::optional<uint64_t> size;
};

// The content is complete. Accept only if the message is durable: RFC 5321 6.1.
// Under LMTP each recipient may have its own verdict (RFC 2033 4.2).
struct BodyEnd {
  uint64_t size = 0;  // octets, dots removed, CRLF counted as two (RFC 1870)
};

// VRFY, RFC 5321 4.1.1.6. Accepting without a reply sends 252 (RFC 5321 3.5.3).
struct Verify {
  // As sent, without the white space around it.
  std::string argument;
  bool smtp_utf8 = false;  // RFC 6531 3.7.4.2
};

// A verb of ServerConfig::more_verbs. Accepting without a reply sends 250.
struct Other {
  absl::string_view verb;  // a name of VerbTable(), which is static
  std::string argument;    // as sent, without the white space around it
};

// A question that only the embedder can answer. It owns its data, so it can be
// copied, queued and passed to another thread.
struct Ask {
  RequestId id{};  // for ServerSession::Complete() and CompleteAuth()
  // The question.
  std::variant<Connected, Hello, StartTls, AuthBegin, AuthResponse, Mail, Rcpt,
               BodyBegin, BodyEnd, Verify, Other>
      what;
};

// An accepted recipient.
struct Recipient {
  // The forward-path, as RCPT gave it or as the answer replaced it.
  Path path;
  RcptParameters parameters;  // of its RCPT

  friend bool operator==(const Recipient&, const Recipient&) = default;
};

// The envelope of the current transaction, RFC 5321 3.3. Empty outside a
// transaction. It does not change between BodyBegin and the answer to BodyEnd.
struct Envelope {
  // The reverse-path, as MAIL gave it or as the answer replaced it.
  Path from;
  MailParameters parameters;  // of MAIL
  std::vector<Recipient> to;  // the accepted ones, in order
  int message = 0;            // as in its Mail; 0 outside a transaction

  // Clears the envelope, and keeps some memory for the next one.
  void Clear() {
    from = Path();
    parameters = MailParameters();
    message = 0;
    to.clear();
    constexpr size_t kRoom = 16;
    if (to.capacity() > kRoom) to.shrink_to_fit();
  }
};

// A 4yz or 5yz reply that the session gave by itself because of the protocol,
// or with which TLS was refused (StartTls). For logs and counters. It owns its
// data.
struct Refusal {
  // The command that the reply answers: a name of VerbTable(), which is static.
  // Empty for an unknown command, for a line that is too long, and if no
  // command is the cause (a timeout, a shutdown).
  absl::string_view verb;
  // The command line as sent, without its CRLF, cut at kMaxCommand octets. An
  // AUTH command is cut after the mechanism, and the text of an unknown command
  // that follows AUTH is left out, because it may be a password. Only the verb
  // if the reply comes later than its command.
  std::string command;
  Reply reply;  // what the client got
  // The n-th MAIL of the session, from 1. 0 outside a transaction.
  int message = 0;
  // The reply to a message whose content is refused (a bare newline, hops,
  // size). Under LMTP each recipient gets it, but it is reported once.
  bool content = false;

  // The longest `command` in octets.
  static constexpr size_t kMaxCommand = 128;
};

}  // namespace postern

#endif  // POSTERN_ENGINE_ASK_H_
