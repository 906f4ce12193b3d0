// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What a ClientSession returns to its driver.

#ifndef POSTERN_ENGINE_CLIENT_STEP_H_
#define POSTERN_ENGINE_CLIENT_STEP_H_

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "engine/grammar/reply.h"

namespace postern {

// Identifies one command of one session. Never reused within a session.
enum class CommandId : uint64_t {};

// For replies to no command: the greeting, and a 421 between two commands.
inline constexpr CommandId kNoCommand{0};

// Why a ClientSession has closed. Open commands get no reply.
enum class ClientClose : uint8_t {
  kQuit,      // QUIT was answered
  kShutdown,  // the server sent 421, and will close (RFC 5321 3.8)
  kPeerGone,  // end of input
  kTimeout,   // TimedOut() was called
  kContent,   // LendBody() or EndBody() got content that must not be sent
  kProtocol,  // the server sent a malformed or an unexpected reply
  kAbuse,     // a reply too large, or plaintext after the 220 to STARTTLS
};

// Returns "quit", "shutdown", "peer-gone", "timeout", "content", "protocol" or
// "abuse": for logs.
inline absl::string_view ClientCloseName(ClientClose reason) {
  switch (reason) {
    case ClientClose::kQuit:
      return "quit";
    case ClientClose::kShutdown:
      return "shutdown";
    case ClientClose::kPeerGone:
      return "peer-gone";
    case ClientClose::kTimeout:
      return "timeout";
    case ClientClose::kContent:
      return "content";
    case ClientClose::kProtocol:
      return "protocol";
    case ClientClose::kAbuse:
      return "abuse";
  }
  return "";
}

// What Advance() did and what the driver does next. Plain data. A driver is a
// switch over `kind`.
struct [[nodiscard]] ClientStep {
  // What the driver does next.
  enum class Kind : uint8_t {
    kNeedInput,   // flush, then read more; unconsumed bytes stay in front
    kNeedFlush,   // write some of Output() first, then go on
    kIdle,        // flush; no command is open: give one, or read on
    kReply,       // *reply is the reply to `command`
    kSkipped,     // `command` could only fail, and was not completed
    kChallenge,   // call AuthRespond() or AuthCancel(); repeated until then
    kBodyWanted,  // call LendBody() or EndBody(); repeated until then
    kStartTls,  // do the TLS handshake, call TlsStarted(); repeated until then
    kClosed,    // close; every later step is the same
  };
  Kind kind = Kind::kNeedInput;      // what the driver does next
  size_t consumed = 0;               // drop these bytes of `in`
  CommandId command = kNoCommand;    // for each kind that concerns a command
  const Reply* reply = nullptr;      // valid until the next Advance()
  absl::string_view challenge = {};  // decoded; valid until it is answered
  ClientClose reason = ClientClose::kQuit;  // kClosed
};

}  // namespace postern

#endif  // POSTERN_ENGINE_CLIENT_STEP_H_
