// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What a ClientSession tells its driver.

#ifndef POSTERN_ENGINE_CLIENT_STEP_H_
#define POSTERN_ENGINE_CLIENT_STEP_H_

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "engine/grammar/reply.h"

namespace postern {

// Names one command of one session. Never reused within a session.
enum class CommandId : uint64_t {};

// What the server says unasked: the greeting, and a 421 between two commands.
inline constexpr CommandId kNoCommand{0};

// Why a ClientSession has closed. Commands without a reply stay without.
enum class ClientClose : uint8_t {
  kQuit,      // QUIT was answered
  kShutdown,  // the server said 421, and will close (RFC 5321 3.8)
  kPeerGone,  // end of input
  kTimeout,   // the driver said so: TimedOut()
  kContent,   // LendBody() was given what may not be sent
  kProtocol,  // the server said what is no reply, or what answers nothing
  kAbuse,     // too large a reply, or plaintext where TLS begins
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

// What Advance() did and what the driver does next. Plain data; a switch over
// `kind` is the whole protocol between engine and driver.
struct [[nodiscard]] ClientStep {
  enum class Kind : uint8_t {
    kNeedInput,   // flush, then read more; unconsumed bytes stay in front
    kNeedFlush,   // write some of Output() first, then go on
    kIdle,        // flush; nothing is open: give a command, or read on
    kReply,       // *reply is the answer to `command`
    kSkipped,     // `command` could only fail, and came to nothing
    kChallenge,   // AuthRespond() or AuthCancel() now; repeated until then
    kBodyWanted,  // LendBody() or EndBody() now; repeated until then
    kStartTls,    // shake hands, then TlsStarted(); repeated until then
    kClosed,      // close; every later step says so too
  };
  Kind kind = Kind::kNeedInput;
  size_t consumed = 0;               // drop these bytes of `in`
  CommandId command = kNoCommand;    // all kinds that concern one
  const Reply* reply = nullptr;      // session-owned, until the next Advance()
  absl::string_view challenge = {};  // decoded, until it is answered
  ClientClose reason = ClientClose::kQuit;  // kClosed
};

}  // namespace postern

#endif  // POSTERN_ENGINE_CLIENT_STEP_H_
