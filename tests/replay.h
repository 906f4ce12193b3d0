// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Runs a ServerSession over a byte stream in many ways, holds it to its laws
// and tells what came of it.

#ifndef POSTERN_TESTS_REPLAY_H_
#define POSTERN_TESTS_REPLAY_H_

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/event.h"
#include "engine/server_config.h"
#include "engine/verdict.h"

namespace postern {

// What happens to the connection behind the last byte.
enum class WireEnd : uint8_t {
  kOpen,      // nothing: the client waits
  kEof,       // it hangs up
  kTimedOut,  // its time is up
  kShutdown,  // we go down
};

// How a stream is fed, answered and drained. None of it may change the
// outcome.
struct Manner {
  std::vector<size_t> cuts = {1};  // sizes of the reads, over and over
  bool late = false;               // answers come only when all else waits
  bool reversed = false;           // and then the last question's first
  size_t max_open_asks = 1;
  bool slow_reader = false;  // takes a byte of output at a time
  bool rests =
      false;  // before each step, see ServerSession::ReleaseIdleMemory()

  std::string Describe() const;
};

// What a question may be answered with: as PostedAnswer has it.
using AnyAnswer =
    std::variant<Verdict, std::vector<Verdict>, AuthChallenge, AuthGranted>;

// Answers `ask`; `envelope` is the session's. nullopt: never.
using Answerer =
    std::function<std::optional<AnyAnswer>(const Ask& ask, const Envelope&)>;

// A message whose BodyEnd was accepted, for a recipient at least.
struct Message {
  std::string envelope;  // "<from> <to> <to>"
  std::string content;
  // What was to become of bare newlines: the answer to BodyBegin has it.
  BareNewlines bare_newlines = BareNewlines::kReject;

  friend bool operator==(const Message&, const Message&) = default;
};

struct Outcome {
  std::string replies;
  std::vector<std::string> asks;  // in command order, see PrintAsk()
  std::vector<Message> messages;
  std::vector<std::string> refusals;  // see PrintRefusal()
  std::optional<CloseReason> closed;

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

// What a client sends: in the clear, and then, a flight each, behind STARTTLS.
// A flight is sent only if TLS has come about.
using Flights = std::vector<std::string>;

// Feeds `flights` to a session of `config` in the manner told, until it has
// closed or waits for more. A law that the session breaks is a test failure of
// the calling test: see the .cc for what is checked.
Outcome Replay(ServerConfig config, const Flights& flights, WireEnd end,
               const Manner& manner, const Answerer& answerer);

// "rcpt <u@d>", "mail <s@x> SIZE=5", "body-begin <s@x> <u@d>", "body-end 12",
// "auth PLAIN bytes", "auth-response bytes"...
std::string PrintAsk(const Ask& ask, const Envelope& envelope);

// "RCPT 501 syntax error: RCPT TO:<", with " #2" for the second message, and
// " content".
std::string PrintRefusal(const Refusal& refusal);

// "<from> <to> <to>".
std::string PrintEnvelope(const Envelope& envelope);

// For messages of failed tests.
void PrintTo(const Message& message, std::ostream* out);
void PrintTo(const Outcome& outcome, std::ostream* out);

}  // namespace postern

#endif  // POSTERN_TESTS_REPLAY_H_
