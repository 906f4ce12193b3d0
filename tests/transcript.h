// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Transcripts: what a client says, and everything that must come of it.
//
//   # What it is about, RFC sections named.
//   set KEY VALUE         a field of ServerConfig (tests/transcript.cc)
//   C: text               a line of the client; CRLF is added
//   C"bytes"              raw bytes; escapes \r \n \0 \xNN \\ \"
//   S: text               a line of the server, exactly; CRLF is added
//   A: ask                a question that must be asked (PrintAsk()); accepted
//   A: ask => answer      the same, with one of these answers:
//                           accept CODE [x.y.z] text
//                           accept as <path>
//                           accept normalized       bare newlines: CRLF
//                           refuse CODE [x.y.z] text
//                           drop CODE [x.y.z] text
//                           each ANSWER | ANSWER..  LMTP: one a recipient
//                           accept                  as one of these
//                           challenge text
//                           grant user
//                           silence
//   M: text               a line of a message that must reach the sink
//   M"bytes"              the same, raw
//   M.                    the end of a message with another behind it, or of
//                         one without lines
//   E:                    the client hangs up
//   T:                    its time is up
//   D:                    we go down
//   TLS:                  TLS has started: the client's lines behind it are
//   sent
//                         only if STARTTLS was accepted
//   X: reason             the session closes: CloseReasonName()
//   repeat N              the next line counts N times
//
// The order of lines of different kinds is for the reader: the client's lines
// make one stream, the server's another. Questions that are not mentioned are
// accepted. A message ends where a line of another kind than M follows.

#ifndef POSTERN_TESTS_TRANSCRIPT_H_
#define POSTERN_TESTS_TRANSCRIPT_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/server_config.h"
#include "engine/verdict.h"
#include "tests/replay.h"

namespace postern {

struct Transcript {
  struct Question {
    std::string ask;                  // as PrintAsk() has it
    std::optional<AnyAnswer> answer;  // nullopt: silence
  };

  std::string title;
  ServerConfig config;
  Flights flights = {""};
  WireEnd end = WireEnd::kOpen;
  std::vector<Question> questions;
  std::string replies;
  std::vector<std::string> messages;  // contents
  std::optional<std::string> closed;  // as CloseReasonName() has it
};

// Returns the transcript in `text`, or an error that names the line.
absl::StatusOr<Transcript> ParseTranscript(absl::string_view text);

}  // namespace postern

#endif  // POSTERN_TESTS_TRANSCRIPT_H_
