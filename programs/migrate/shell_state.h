// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What variables, limits and the log are while a script runs.

#ifndef POSTERN_PROGRAMS_MIGRATE_SHELL_STATE_H_
#define POSTERN_PROGRAMS_MIGRATE_SHELL_STATE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "programs/migrate/run_script.h"
#include "programs/migrate/shell_grammar.h"
#include "programs/migrate/shell_lexer.h"

namespace postern::programs::migrate::shell {

// A value of three-valued logic.
enum class Answer : uint8_t { kNo, kYes, kUnknown };

Answer Not(Answer answer);
Answer Of(bool value);

bool Contains(absl::Span<const absl::string_view> list, absl::string_view text);

// Any code can be what they run.
inline constexpr absl::string_view kRunsCode[] = {".", "source", "eval",
                                                  "alias"};
inline constexpr absl::string_view kChangesDirectory[] = {"cd", "pushd",
                                                          "popd"};
// They set the variables that their arguments name.
inline constexpr absl::string_view kAssigns[] = {
    "read",    "getopts",   "local",  "declare", "typeset", "let",
    "mapfile", "readarray", "printf", "wait",    "command", "builtin"};
// Their arguments are names and assignments.
inline constexpr absl::string_view kDeclares[] = {
    "export", "declare", "typeset", "local", "readonly"};

// One state for all files of the script.
struct State {
  struct Value {
    Word word;
    bool set = false;  // false: it has an export attribute only
    Answer exported = Answer::kNo;
  };
  std::map<std::string, Value, std::less<>> variables;
  Answer export_all = Answer::kNo;  // set -a
  Names functions;                  // that the script defines
  // By name. The environment of the script may have them. A variable that is
  // exported later is in `variables`, too.
  std::map<std::string, RemovedVariable> removed;
  std::vector<Word> unread;  // see ServerCommand
  std::vector<std::vector<Word>> shell;
  std::vector<Redirection> redirections;
  // The path on the site of the working directory. Empty if it is not known.
  std::string directory;
  bool log_on_output = false;
  bool ended = false;  // by exit or exec
  int includes = 0;

  void Set(absl::string_view name, Word value);
  // Returns the value at `place`, where it is used.
  Word ValueOf(absl::string_view name, const Place& place) const;

  // After these the variables have no known value, because of what is at
  // `place`.
  void Forget(absl::string_view name, const Place& place, absl::string_view why,
              bool may_export);
  void ForgetAll(const Place& place, absl::string_view why);
  // The command of `place`, which is not read, may set or remove any variable.
  void ForgetAll(const Place& place);
  // Forgets what the commands of `tokens`, a part of `file`, may set if they
  // run.
  void ForgetAssigned(absl::Span<const Token> tokens, const std::string& file);

  // The command of `place` exports a variable whose name is not known.
  void MayExportAll(const Place& place);

 private:
  void AddUnread(const Place& place, absl::string_view why);
};

}  // namespace postern::programs::migrate::shell

#endif  // POSTERN_PROGRAMS_MIGRATE_SHELL_STATE_H_
