// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Parses transcripts: the input of a session and its expected outcome.
//
//   # The subject, with RFC sections.
//   set KEY VALUE         a field of ServerConfig (tests/transcript.cc)
//   C: text               a line of the client; CRLF is added
//   C"bytes"              raw bytes; escapes \r \n \0 \xNN \\ \"
//   S: text               a line of the server, exact; CRLF is added
//   A: ask                an expected question (PrintAsk()), which is accepted
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
//   M: text               a line of an expected message; CRLF is added
//   M"bytes"              the same, raw
//   M.                    the end of a message, if another one or no line
//                         follows
//   E:                    the client closes the connection
//   T:                    the session times out
//   D:                    the server shuts down
//   TLS:                  a TLS handshake; the client sends the lines after it
//                         only if STARTTLS was accepted
//   X: reason             the session closes: CloseReasonName()
//   repeat N              the next line counts N times
//
// The order of lines of different kinds has no meaning: the client's lines are
// one stream, the server's another. Questions that are not mentioned are
// accepted. A message also ends before a line of another kind than M.

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
    std::string ask;                  // in the form of PrintAsk()
    std::optional<AnyAnswer> answer;  // nullopt: silence
  };

  std::string title;
  ServerConfig config;
  Flights flights = {""};
  WireEnd end = WireEnd::kOpen;
  std::vector<Question> questions;
  std::string replies;
  std::vector<std::string> messages;  // contents
  std::optional<std::string> closed;  // a CloseReasonName()
};

// Returns the transcript in `text`, or an error that names the line.
absl::StatusOr<Transcript> ParseTranscript(absl::string_view text);

}  // namespace postern

#endif  // POSTERN_TESTS_TRANSCRIPT_H_
