// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Runs a transcript or a recording through a ServerSession.

#ifndef POSTERN_RECORDING_REPLAYER_H_
#define POSTERN_RECORDING_REPLAYER_H_

#include <optional>
#include <string>
#include <vector>

#include "recording/transcript.h"

namespace postern::recording {

struct ReplayResult {
  // What happened, as lines of a transcript in their order: C, A, S, TLS, E, T,
  // D, B and X. A line "= STATE" (ServerSession::state_name()) follows each
  // change of the state. The same transcript gives the same text.
  std::string text;
  // What differs from the transcript, as sentences.
  std::vector<std::string> differences;
  std::vector<std::string> asks;  // PrintAsk()
  std::string replies;
  std::vector<std::string> messages;  // contents of accepted messages
  std::optional<std::string> closed;  // a CloseReasonName()
};

// Feeds the session what the transcript says. In a recording, events happen in
// their order, each read is one call, and each question must be the recorded
// one. Otherwise a flight is one read, and a question that the transcript does
// not mention is accepted. Does no I/O. The cost is linear in the transcript.
ReplayResult Replay(const Transcript& transcript);

}  // namespace postern::recording

#endif  // POSTERN_RECORDING_REPLAYER_H_
