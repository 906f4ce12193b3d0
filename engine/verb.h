// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The commands as data: what each is called, when it may come and what may
// stand behind it. RFC 5321 4.1.4 and 4.3.2.

#ifndef POSTERN_ENGINE_VERB_H_
#define POSTERN_ENGINE_VERB_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace postern {

enum class Verb : uint8_t {
  kHelo,
  kEhlo,
  kMail,
  kRcpt,
  kData,
  kRset,
  kNoop,
  kVrfy,
  kHelp,
  kQuit,
  kUnimplemented,  // registered, and not served here: 502
  kWeb,            // a browser or proxy made to talk to us: close
  kUnknown,        // 500
};

// Where a session stands between two commands. DESIGN.md prints the table.
enum class Phase : uint8_t {
  kRefused,    // greeted with 554: RFC 5321 3.1
  kUngreeted,  // no HELO or EHLO yet
  kIdle,       // no transaction
  kMail,       // a sender, no recipient yet
  kRcpt,       // a sender and a recipient at least
};
inline constexpr int kPhases = 5;

// What may stand behind a verb.
enum class Argument : uint8_t { kNone, kIgnored, kNeeded };

struct VerbRow {
  absl::string_view name;  // upper case
  Verb verb;
  Argument argument;
  uint8_t phases;  // bit 1 << Phase: may come there; elsewhere it draws 503

  bool AllowedIn(Phase phase) const {
    return (phases >> static_cast<int>(phase) & 1) != 0;
  }
};

// Returns all rows, one a name.
absl::Span<const VerbRow> VerbTable();

// Returns the row of `name`, in any case, or the row of Verb::kUnknown.
const VerbRow& FindVerb(absl::string_view name);

// Returns why `verb` may not come in `phase`: the text behind 503 5.5.1.
absl::string_view OutOfSequence(Verb verb, Phase phase);

}  // namespace postern

#endif  // POSTERN_ENGINE_VERB_H_
