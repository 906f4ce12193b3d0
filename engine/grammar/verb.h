// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The commands as data: what each is called, when it may come and what may
// stand behind it. RFC 5321 4.1.4 and 4.3.2.

#ifndef POSTERN_ENGINE_GRAMMAR_VERB_H_
#define POSTERN_ENGINE_GRAMMAR_VERB_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/grammar/reply.h"

namespace postern {

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
  kUnimplemented,  // registered; 502 unless ServerConfig::more_verbs has it
  kWeb,            // a browser or proxy made to talk to us: close
  kUnknown,        // 500
};

// Where a session stands between two commands. DESIGN.md prints the table.
enum class Phase : uint8_t {
  kRefused,       // greeted with 554: RFC 5321 3.1
  kTlsRequired,   // TLS is required, and not there: RFC 3207 4
  kUngreeted,     // no HELO or EHLO yet
  kAuthRequired,  // authentication is required, and not done: RFC 4954 6
  kIdle,          // no transaction
  kMail,          // a sender, no recipient yet
  kRcpt,          // a sender and a recipient at least
  kChunks,        // BDATs have come, and the last one has not: RFC 3030 2
  kBroken,        // a BDAT was refused: nothing but RSET goes on from here
};
inline constexpr int kPhases = 9;

// What may stand behind a verb.
enum class Argument : uint8_t { kNone, kIgnored, kNeeded };

struct VerbRow {
  absl::string_view name;  // upper case
  Verb verb;
  Argument argument;
  uint16_t phases;  // bit 1 << Phase: may come there
  // Whether the client must wait for the reply before it sends more: RFC 2920
  // 3.1, and the extensions' own words.
  bool ends_group;

  bool AllowedIn(Phase phase) const {
    return (phases >> static_cast<int>(phase) & 1) != 0;
  }
};

// Returns all rows, one a name.
absl::Span<const VerbRow> VerbTable();

// Returns the row of `name`, in any case, or the row of Verb::kUnknown.
const VerbRow& FindVerb(absl::string_view name);

// Returns the reply to `verb` in a `phase` where it may not come: 503 5.5.1,
// or 530 5.7.0 where TLS or authentication is wanted first.
const Reply& OutOfSequence(Verb verb, Phase phase);

// Returns the reply to a verb that this server does not speak: 502 5.5.1, or
// 500 where it has no business to be known.
const Reply& NotServed(Verb verb);

}  // namespace postern

#endif  // POSTERN_ENGINE_GRAMMAR_VERB_H_
