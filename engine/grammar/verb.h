// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The command table: names, the phases in which a command is allowed, and
// arguments. RFC 5321 4.1.4 and 4.3.2.

#ifndef POSTERN_ENGINE_GRAMMAR_VERB_H_
#define POSTERN_ENGINE_GRAMMAR_VERB_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/grammar/reply.h"

namespace postern {

// The command of a line, RFC 5321 4.1.1.
enum class Verb : uint8_t {
  kHelo,
  kEhlo,
  kLhlo,  // RFC 2033 4.1
  kMail,
  kRcpt,
  kData,
  kBdat,  // RFC 3030 2
  kRset,
  kNoop,
  kVrfy,
  kHelp,
  kQuit,
  kStartTls,       // RFC 3207
  kAuth,           // RFC 4954
  kXClient,        // postfix.org/XCLIENT_README.html
  kUnimplemented,  // registered; 502 unless in ServerConfig::more_verbs
  kWeb,            // from a browser or a proxy: close
  kUnknown,        // 500
};

// The state of a session between two commands. docs/architecture.md has the
// table.
enum class Phase : uint8_t {
  kRefused,       // greeted with 554: RFC 5321 3.1
  kTlsRequired,   // TLS is required, and has not started: RFC 3207 4
  kUngreeted,     // no HELO or EHLO yet
  kAuthRequired,  // authentication is required, and missing: RFC 4954 6
  kIdle,          // no transaction
  kMail,          // a sender, no recipient yet
  kRcpt,          // a sender and at least one recipient
  kChunks,        // after a BDAT that was not the last: RFC 3030 2
  kBroken,        // a BDAT was refused: needs RSET or EHLO
};
// The number of values of Phase.
inline constexpr int kPhases = 9;

// Whether a verb has an argument.
enum class Argument : uint8_t { kNone, kIgnored, kNeeded };

// A command, and where it is allowed.
struct VerbRow {
  absl::string_view name;  // upper case
  Verb verb;               // kUnimplemented and kWeb have several names
  Argument argument;       // whether the command has one
  uint16_t phases;         // bit 1 << Phase: allowed in that phase
  // Whether the client must wait for the reply before it sends more, according
  // to RFC 2920 3.1 and the RFCs of the extensions.
  bool ends_group;

  // Returns whether the command is allowed in `phase`.
  bool AllowedIn(Phase phase) const {
    return (phases >> static_cast<int>(phase) & 1) != 0;
  }
};

// Returns all rows, one for each name.
absl::Span<const VerbRow> VerbTable();

// Returns the row of `name`, in any case, or the row of Verb::kUnknown.
const VerbRow& FindVerb(absl::string_view name);

// Returns the reply to `verb` in a `phase` in which it is not allowed: 503
// 5.5.1, or 530 5.7.0 if TLS or authentication is required first.
const Reply& OutOfSequence(Verb verb, Phase phase);

// Returns the reply to a verb that this server does not serve: 502 5.5.1, or
// 500 for an unknown verb, HELO and EHLO in LMTP, LHLO in SMTP, and XCLIENT.
const Reply& NotServed(Verb verb);

}  // namespace postern

#endif  // POSTERN_ENGINE_GRAMMAR_VERB_H_
