// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Reads the script that starts a server: a part of sh(1), without executing
// anything. It answers assignments, variables, quotes, continued lines, tests
// of files and strings, and the command substitutions `cat FILE`, `head -1
// FILE` and `id -u USER`. Everything else is named with its line and is never
// guessed: a variable that it may set has no known value afterwards. If a
// command has no end, everything from its line on is named.

#ifndef POSTERN_PROGRAMS_MIGRATE_RUN_SCRIPT_H_
#define POSTERN_PROGRAMS_MIGRATE_RUN_SCRIPT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "programs/migrate/site_files.h"

namespace postern::programs::migrate {

// A line of a file of the site.
struct Place {
  std::string file;
  int line = 0;  // from 1; 0: the whole file

  std::string Format() const;
};

// A word of a command, or the value of a variable.
struct Word {
  std::string text;
  // Why the value is not known. Empty: `text` is the value. Otherwise `text` is
  // what the file has.
  std::string unknown;
  // For the result of `id -u USER` and `id -g USER`: the user, and 'u' or 'g'.
  // `text` is then "$(id -u USER)", because the number is not known here.
  std::string user;
  char id = 0;
  Place place;

  bool known() const { return unknown.empty(); }
};

// A variable in the environment of a server. If its value is not known, or if
// it is not known whether the variable is exported, `value` is unknown.
struct Variable {
  std::string name;
  Word value;
};

// A variable that the server does not have, also if the process that starts the
// script has it.
struct RemovedVariable {
  std::string name;
  std::string what;  // the command that takes it away
  Place place;
};

// A redirection: "2>&" and "1", or ">>" and "/var/log/smtpd".
struct Redirection {
  std::string sign;  // with the number of the descriptor, if it has one
  Word target;
};

// A command that reads the output of a server: `splogger smtpd 3`.
struct PipedCommand {
  std::vector<Word> words;
  std::vector<Redirection> redirections;
};

// A command that starts a server.
struct ServerCommand {
  std::vector<Word> words;  // the program and its arguments
  std::vector<Variable> environment;
  // Variables that the script exports and does not set: their values, which are
  // unknown, are those of the process that starts the script.
  std::vector<Variable> inherited;
  std::vector<RemovedVariable> removed;
  // What is not read and may have set or removed any variable, so the
  // environment is not complete. No word has a text.
  std::vector<Word> unread;
  // Commands of the shell that change the process, such as umask and cd.
  std::vector<std::vector<Word>> shell;
  // The redirections of `exec` without a command before the server, and those
  // of the server's command, in their order.
  std::vector<Redirection> shell_redirections;
  std::vector<Redirection> redirections;
  // The commands after the server in its pipeline.
  std::vector<PipedCommand> pipe;
  // Where relative paths begin: see ReadRunScript().
  std::string directory;
  bool background = false;     // '&' ends the command: the script goes on
  bool log_on_output = false;  // descriptor 2 is a copy of descriptor 1
};

// Something in the script that is not understood, or that has no effect on the
// server but is worth a row.
struct Note {
  enum class Kind : uint8_t { kNotUnderstood, kGuard };
  Kind kind = Kind::kNotUnderstood;
  Place place;
  std::string text;  // of the script, cut
  std::string why;
};

// What became of a line of the script.
enum class LineState : uint8_t { kUnseen, kUnderstood, kNamed };

struct RunScript {
  std::vector<ServerCommand> servers;
  std::vector<Note> notes;
  // By line, from index 0. No line is kUnseen. A line that is kNamed is in the
  // lines of a note.
  std::vector<LineState> lines;
};

// Reads `text`, which is the file `name`. `is_server` returns whether a program
// can begin the command of a server (by the last part of its path). `directory`
// is the path on the site of the directory in which the script runs; empty: it
// is not known, so no file with a relative path is read.
RunScript ReadRunScript(absl::string_view name, absl::string_view text,
                        const SiteFiles& files,
                        absl::FunctionRef<bool(absl::string_view)> is_server,
                        absl::string_view directory);

}  // namespace postern::programs::migrate

#endif  // POSTERN_PROGRAMS_MIGRATE_RUN_SCRIPT_H_
