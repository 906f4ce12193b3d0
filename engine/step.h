// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What a ServerSession returns to its driver.

#ifndef POSTERN_ENGINE_STEP_H_
#define POSTERN_ENGINE_STEP_H_

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/ask.h"
#include "engine/grammar/reply.h"

namespace postern {

// Why a session has ended.
enum class CloseReason : uint8_t {
  kQuit,      // QUIT was answered
  kPeerGone,  // end of input
  kTimeout,   // TimedOut() was called
  kRefused,   // a Verdict::Drop
  kAbuse,     // too many errors, a web browser, plaintext after STARTTLS...
  kShutdown,  // after Shutdown()
};
// The number of values of CloseReason.
inline constexpr size_t kCloseReasons =
    static_cast<size_t>(CloseReason::kShutdown) + 1;

// Returns "quit", "peer-gone", "timeout", "refused", "abuse" or "shutdown", for
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

// What Advance() did and what the driver does next. Plain data. A driver is a
// switch over `kind`.
struct [[nodiscard]] Step {
  // What the driver does next.
  enum class Kind : uint8_t {
    kNeedInput,  // flush, then read more; unconsumed bytes stay in front
    kNeedFlush,  // Output() reached max_output: write some of it first
    kWaiting,    // flush, then wait: an Ask is open and nothing else can run
    kAsk,        // answer *ask with Complete(), now or later
    kBody,       // message content, dots removed, in `body`
    kAborted,    // discard the envelope and any content, and the AUTH
                 // exchange if there is one
    kStartTls,   // flush, do the handshake, call TlsStarted(). Plaintext
                 // that is passed before that closes the session
    kClosed,     // flush, then close; every later Step is the same
  };
  Kind kind = Kind::kNeedInput;  // what the driver does next
  size_t consumed = 0;  // drop these bytes of `in` after acting on the step
  const Ask* ask = nullptr;  // owned by the session until completed or aborted
  absl::Span<const absl::string_view> body = {};  // see Advance()
  // If kAborted comes because of the content (a bare newline, hops, size): the
  // reply that the message will get, as far as it is known. Owned by the
  // session until the next call.
  const Reply* refusal = nullptr;
  CloseReason reason = CloseReason::kQuit;  // kClosed
  // The first `secret` of the consumed bytes may contain a password: overwrite
  // them. `body` points after them.
  size_t secret = 0;
};

}  // namespace postern

#endif  // POSTERN_ENGINE_STEP_H_
