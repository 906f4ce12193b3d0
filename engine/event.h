// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What a ServerSession tells its driver: questions (Ask) and steps (Step).

#ifndef POSTERN_ENGINE_EVENT_H_
#define POSTERN_ENGINE_EVENT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/parameters.h"
#include "engine/path.h"
#include "engine/reply.h"

namespace postern {

// Names one Ask of one session. Never reused within a session.
enum class RequestId : uint64_t {};

// A client has connected: the greeting is yours to give or to refuse (554,
// after which only QUIT is served: RFC 5321 3.1).
struct Connected {};

// HELO or EHLO, RFC 5321 4.1.1.1.
struct Hello {
  enum class Verb : uint8_t { kHelo, kEhlo } verb = Verb::kEhlo;
  std::string client_name;  // as sent: a domain or an address literal
};

// MAIL, RFC 5321 4.1.1.2.
struct Mail {
  Path from;
  MailParameters parameters;
};

// RCPT, RFC 5321 4.1.1.3. Everything a relay decision needs is in it.
struct Rcpt {
  Path from;  // of this transaction
  Path to;
  RcptParameters parameters;
  size_t index = 0;  // counts the RCPTs asked of this transaction, from 0
};

// DATA, RFC 5321 4.1.1.4: accepted, 354 follows and then the content.
struct BodyBegin {};

// The content is complete. Accept only what is safe: RFC 5321 6.1.
struct BodyEnd {
  uint64_t size = 0;  // octets, dots unstuffed, CRLF counted as two (RFC 1870)
};

// VRFY, RFC 5321 4.1.1.6. Accepting without a reply says 252 (RFC 5321 3.5.3).
struct Verify {
  std::string argument;
};

// A question only the embedder can answer. It owns its data: copy it, queue
// it, hand it to another thread.
struct Ask {
  RequestId id{};
  std::variant<Connected, Hello, Mail, Rcpt, BodyBegin, BodyEnd, Verify> what;
};

// What has been agreed since MAIL, RFC 5321 3.3. Empty outside a transaction.
// It does not change between BodyBegin and the answer to BodyEnd.
struct Envelope {
  Path from;
  MailParameters parameters;
  std::vector<Path> to;  // accepted recipients, in order
};

enum class CloseReason : uint8_t {
  kQuit,      // QUIT was answered
  kPeerGone,  // end of input
  kTimeout,   // the driver said so: TimedOut()
  kRefused,   // a Verdict::Drop
  kAbuse,     // too many errors, or a web browser
};

// Returns "quit", "peer-gone", "timeout", "refused" or "abuse": for logs.
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
    kAborted,    // forget the envelope and any part of a message
    kClosed,     // flush, then close; every later Step says so too
  };
  Kind kind = Kind::kNeedInput;
  size_t consumed = 0;       // drop these bytes of `in` once dealt with
  const Ask* ask = nullptr;  // session-owned, until completed or aborted
  absl::Span<const absl::string_view> body = {};  // slices of `in`
  // kAborted because of the content (a bare newline, hops, size): what it will
  // be answered with, so far as is known. Session-owned, until the next call.
  const Reply* refusal = nullptr;
  CloseReason reason = CloseReason::kQuit;  // kClosed
};

}  // namespace postern

#endif  // POSTERN_ENGINE_EVENT_H_
