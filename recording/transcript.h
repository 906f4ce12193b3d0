// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Transcripts: the input of a session, the answers to its questions and its
// outcome, as text that people read and write. A transcript in
// tests/transcripts is a test. A recording (recording/recorder.h) is a
// transcript of a real session, with `set recorded true`.
//
//   # The title.
//   set KEY VALUE         a field of ServerConfig (recording/config_fields.h)
//   set recorded true     this is a recording: see below
//   set tls VERSION CIPHER [SUBJECT]
//                         TLS is from the first octet
//   set talked_early true the client sends before the greeting
//   C: text               a line of the client; CRLF is added
//   C"bytes"              raw bytes; escapes \r \n \0 \xNN \\ \"
//   S: text               a line of the server, exact; CRLF is added
//   A: ask                an expected question (PrintAsk()), which is accepted
//   A: ask => answer      the same, with one of these answers:
//                           accept [as <path>] [normalized|rejecting]
//                                  [CODE [x.y.z] text]
//                           refuse CODE [x.y.z] text
//                           drop CODE [x.y.z] text
//                           each ANSWER | ANSWER..  LMTP: one for each
//                                  recipient, with escapes as in C"bytes"
//                           challenge text
//                           grant user
//                           silence
//                         "normalized" and "rejecting" are about bare newlines.
//                         x.y.z is "-" if there is no enhanced code, but the
//                         text begins as if there were one.
//   M: text               a line of an expected message; CRLF is added
//   M"bytes"              the same, raw
//   M.                    the end of a message, if another one or no line
//                         follows
//   E:                    the client closes the connection
//   T:                    the session times out
//   D:                    the server shuts down
//   B: reason             the connection breaks, or the server closes it: the
//                         session gets no answer and no input any more
//   TLS: [VERSION CIPHER [SUBJECT]]
//                         a TLS handshake; the client sends the lines after it
//                         only if STARTTLS was accepted
//   X: reason             the session closes: CloseReasonName()
//   R: N                  a read of N octets of the client's lines
//   @ SECONDS             the time of the lines after it, since the beginning
//   repeat N              the next line counts N times
//   # text                a comment
//
// The order of lines of different kinds has no meaning: the client's lines are
// one stream, the server's another. Questions that are not mentioned are
// accepted. A message also ends before a line of another kind than M.
//
// In a recording, R, A, TLS, E, T, D and B are events in their order, every
// question has a line, a `set` among the events changes the configuration
// before the next answer, and the last line is X or B. Without that line, the
// recording is not complete.

#ifndef POSTERN_RECORDING_TRANSCRIPT_H_
#define POSTERN_RECORDING_TRANSCRIPT_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/server_config.h"
#include "engine/tls_info.h"
#include "recording/print.h"

namespace postern::recording {

// What happens to the connection after the last byte.
enum class WireEnd : uint8_t {
  kOpen,      // nothing: the client waits
  kEof,       // the client closes the connection
  kTimedOut,  // the session times out
  kShutdown,  // the server shuts down
  kBroken,    // the session gets no answer and no input any more
};

// What a client sends: the first flight without TLS, each further one after
// another TLS handshake. A flight is sent only if its handshake takes place.
using Flights = std::vector<std::string>;

// What a session gets besides the client's octets and the answers.
struct Start {
  std::optional<TlsInfo> tls;     // from the first octet
  bool talked_early = false;      // the client sends before the greeting
  std::vector<TlsInfo> starttls;  // of each handshake after STARTTLS
};

struct Transcript {
  struct Question {
    std::string ask;                  // in the form of PrintAsk()
    std::optional<AnyAnswer> answer;  // nullopt: silence
  };
  // An event of a recording.
  struct Event {
    enum class Kind : uint8_t {
      kRead,      // of `n` octets
      kQuestion,  // the next one; `n` is its index
      kConfig,    // changes[n] is the configuration from now on
      kTls,       // STARTTLS has succeeded; `tls`
      kEnd,       // `end`
    };
    Kind kind = Kind::kRead;
    size_t n = 0;
    WireEnd end = WireEnd::kOpen;
    TlsInfo tls;
  };

  std::string title;
  ServerConfig config;
  Start start;
  Flights flights = {""};
  WireEnd end = WireEnd::kOpen;  // the last one
  std::vector<Question> questions;
  std::string replies;
  std::vector<std::string> messages;  // contents
  std::optional<std::string> closed;  // a CloseReasonName()

  bool recorded = false;
  // In a recording only:
  std::vector<Event> events;
  std::vector<ServerConfig> changes;
  std::string broken;  // the reason of B
};

// The reason of B if the recorder stopped because of a limit: what follows is
// not known.
inline constexpr absl::string_view kRecordingIsFull = "the recording is full";

// The parameters of TLS where a transcript does not say more than "TLS:".
TlsInfo DefaultTls();

// The configuration of a transcript without any `set`. A transcript enables the
// extensions that it needs.
ServerConfig TranscriptDefaults();

// Returns the transcript in `text`, or an error that names the line. Its
// configuration is valid.
absl::StatusOr<Transcript> ParseTranscript(absl::string_view text);

// Returns the recording in `text` as a test: without times and reads, and with
// `messages` as its expected messages. `transcript` is the result of parsing
// `text`. kFailedPrecondition if a test cannot show what happened: the
// configuration changed, the server shut down before the client's last line, or
// the recording is full.
absl::StatusOr<std::string> MakeTest(absl::string_view text,
                                     const Transcript& transcript,
                                     absl::Span<const std::string> messages);

}  // namespace postern::recording

#endif  // POSTERN_RECORDING_TRANSCRIPT_H_
