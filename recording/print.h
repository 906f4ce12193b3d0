// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Questions, answers and octets as the lines of a transcript
// (recording/transcript.h).

#ifndef POSTERN_RECORDING_PRINT_H_
#define POSTERN_RECORDING_PRINT_H_

#include <string>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/ask.h"
#include "engine/verdict.h"

namespace postern::recording {

// An answer of any kind, as in PostedAnswer. A vector answers for each LMTP
// recipient.
using AnyAnswer =
    std::variant<Verdict, std::vector<Verdict>, AuthChallenge, AuthGranted>;

// Stands for the enhanced code of a reply that has none.
inline constexpr absl::string_view kNoEnhancedCode = "-";
// Separates the answers for LMTP recipients. In each of them, a backslash is
// "\\" and a "|" is "\x7c".
inline constexpr absl::string_view kBetweenVerdicts = " | ";

// "rcpt <u@d>", "mail <s@x> SIZE=5", "body-begin <s@x> <u@d>", "body-end 12",
// "auth PLAIN bytes", "auth-response bytes"...
std::string PrintAsk(const Ask& ask, const Envelope& envelope);

// "<from> <to> <to>".
std::string PrintEnvelope(const Envelope& envelope);

// Returns what follows "=> " in a line: "refuse 550 5.1.1 no such user". Of a
// Verdict, what only logs show is left out. ParseTranscript() parses the result
// to an answer whose replies are the same octets (FormatReply()). So a "-"
// stands for an enhanced code if there is none and the text begins as if there
// were one: "550 - 5.1.1 no such user".
std::string PrintAnswer(const AnyAnswer& answer);
std::string PrintVerdicts(absl::Span<const Verdict> verdicts);

// Appends `octets` as one line of the kind `kind`: `C: text` if they are
// printable ASCII followed by `eol`, which is then left out, or else
// `C"octets"` with escapes.
void AppendLine(char kind, absl::string_view octets, absl::string_view eol,
                std::string* out);

}  // namespace postern::recording

#endif  // POSTERN_RECORDING_PRINT_H_
