// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Runs a ServerSession on a byte stream in many manners, checks its invariants
// and returns the outcome.

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
#include "engine/ask.h"
#include "engine/server_config.h"
#include "engine/step.h"
#include "engine/verdict.h"
#include "recording/print.h"
#include "recording/transcript.h"

namespace postern {

using recording::AnyAnswer;
using recording::Flights;
using recording::PrintAsk;
using recording::PrintEnvelope;
using recording::WireEnd;

// How input arrives, questions are answered and output is read. None of it may
// change the outcome.
struct Manner {
  std::vector<size_t> cuts = {1};  // sizes of the reads, repeated in a cycle
  bool late = false;               // answer only when the session waits
  bool reversed = false;           // answer the last question first
  size_t max_open_asks = 1;
  bool slow_reader = false;  // reads one byte of output at a time
  // Calls ServerSession::ReleaseIdleMemory() before each step.
  bool rests = false;
  // Uses the session through bindings/postern.h.
  bool c_interface = false;

  std::string Describe() const;
};

// Returns the answer to `ask`, or nullopt for none. The second argument is the
// session's envelope.
using Answerer =
    std::function<std::optional<AnyAnswer>(const Ask& ask, const Envelope&)>;

// A message whose BodyEnd was accepted for at least one recipient.
struct Message {
  std::string envelope;  // "<from> <to> <to>"
  std::string content;
  // How bare newlines were to be treated, from the answer to BodyBegin.
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

// Feeds `flights` to a session of `config` in the given manner, until it has
// closed or waits for more input. Fails the calling test if the session breaks
// an invariant; the .cc file has the checks.
//
// `start` is what has happened before the greeting.
Outcome Replay(ServerConfig config, const Flights& flights, WireEnd end,
               const Manner& manner, const Answerer& answerer,
               const recording::Start& start = {});

// "RCPT 501 syntax error: RCPT TO:<", with " #2" for the second message, and
// " content".
std::string PrintRefusal(const Refusal& refusal);

// For the output of failed tests.
void PrintTo(const Message& message, std::ostream* out);
void PrintTo(const Outcome& outcome, std::ostream* out);

}  // namespace postern

#endif  // POSTERN_TESTS_REPLAY_H_
