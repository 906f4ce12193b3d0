// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The commands of the shell that answer a question or change variables.

#ifndef POSTERN_PROGRAMS_MIGRATE_SHELL_BUILTINS_H_
#define POSTERN_PROGRAMS_MIGRATE_SHELL_BUILTINS_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "programs/migrate/run_script.h"
#include "programs/migrate/shell_state.h"
#include "programs/migrate/site_files.h"

namespace postern::programs::migrate::shell {

inline constexpr char kNotExecuted[] =
    "the command is not executed, and its effect is not known";

// What a command did.
struct Outcome {
  Answer answer = Answer::kUnknown;  // whether its exit status is 0
  std::string why;      // it is not understood, and no note names it yet
  bool effect = false;  // it is more than a test
};

// Answers the command test, [ or [[, with its arguments. Relative paths begin
// in `directory`: see State.
Answer RunTest(absl::Span<const Word> words, bool bash,
               absl::string_view directory, const SiteFiles& files);

// Runs export or readonly, the `program`, with the arguments `words`.
Outcome RunDeclaration(absl::string_view program, absl::Span<const Word> words,
                       State* state);
// Keeps set -e, or set +e, before the server.
void SetErrexit(bool on, const Place& place, State* state);
Outcome RunSet(absl::Span<const Word> words, State* state);
// The file of `words` is that of the command.
Outcome RunUnset(absl::Span<const Word> words, State* state);

// Forgets what a command may change that is not read. A command of the system
// cannot set a variable; one of the shell can set those that it names.
Outcome RunUnknown(absl::Span<const Word> words, const Place& place,
                   State* state);

}  // namespace postern::programs::migrate::shell

#endif  // POSTERN_PROGRAMS_MIGRATE_SHELL_BUILTINS_H_
