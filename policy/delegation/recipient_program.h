// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A program that knows the recipients: the interface RCPTCHECK of patches to
// qmail-smtpd (jms1's, notqmail's, sagredo's).

#ifndef POSTERN_POLICY_DELEGATION_RECIPIENT_PROGRAM_H_
#define POSTERN_POLICY_DELEGATION_RECIPIENT_PROGRAM_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/grammar/path.h"
#include "engine/grammar/reply.h"
#include "engine/session_info.h"
#include "engine/verdict.h"
#include "system/deadline.h"

namespace postern::policy {

struct RecipientQuestion {
  std::string program;  // its path, which is absolute; it gets no arguments
  const Path& from;     // as in the envelope
  const Path& to;
  bool listed = false;  // whether rcpthosts or morercpthosts.cdb has the domain
  // The environment of the program, before SessionVariables().
  absl::Span<const std::pair<std::string, std::string>> environment;
  // The program is killed then.
  system::Deadline deadline;
};

struct RecipientExit {
  enum class Kind : uint8_t { kNoOpinion, kRefuse, kOutage };

  int code = 0;
  Kind kind = Kind::kOutage;
  int reply = 0;  // unless kNoOpinion
  EnhancedCode enhanced;
  absl::string_view text;
};

// The exit codes. 0, 100, 111 and 120 are those of the first patch; sagredo's
// adds 112 (no opinion) and 113 (the client has exceeded a limit). A code that
// is not in this table is an outage, and so is a signal.
//
// After an outage the patches close the connection (421). Here only this
// recipient is refused, because nothing is known against the others.
inline constexpr RecipientExit kRecipientExits[] = {
    {0, RecipientExit::Kind::kNoOpinion, 0, {}, ""},
    {100,
     RecipientExit::Kind::kRefuse,
     550,
     {5, 1, 1},
     "sorry, no mailbox here by that name. (#5.1.1)"},
    {111,
     RecipientExit::Kind::kOutage,
     451,
     {4, 3, 0},
     "unable to verify recipient (#4.3.0)"},
    {112, RecipientExit::Kind::kNoOpinion, 0, {}, ""},
    {113,
     RecipientExit::Kind::kRefuse,
     421,
     {4, 3, 0},
     "you have exceeded your messaging limits (#4.3.0)"},
    {120,
     RecipientExit::Kind::kOutage,
     451,
     {4, 3, 0},
     "unable to execute recipient check (#4.3.0)"},
};

// Runs the program and waits for its end. Returns the refusal, or nullopt if
// the program has no objection. A refusal with 421 or 521 closes the
// connection; its source names the program and, after an outage, the reason.
//
// The environment describes the session (system/session_variables.h), and has
// SENDER, RECIPIENT, HELO, USE_FD4=1 and, if `listed`, RCPTHOSTS=1. Descriptor
// 0 is /dev/null; 1 and 2 are the standard error of this process. The program
// may write the text of a refusal (exit codes 100 and 113) to descriptor 4, one
// line of at most kMaxRecipientText octets. If it begins with a code from 400
// to 599, that code replaces the one in the table.
//
// Thread-safe.
std::optional<Verdict> AskRecipientProgram(const RecipientQuestion& question,
                                           const SessionInfo& session);

inline constexpr size_t kMaxRecipientText = 1000;

}  // namespace postern::policy

#endif  // POSTERN_POLICY_DELEGATION_RECIPIENT_PROGRAM_H_
