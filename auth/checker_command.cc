// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/checker_command.h"

#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace postern::auth {
namespace {

bool IsProgram(const std::string& file) {
  struct stat status;
  return stat(file.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
         access(file.c_str(), X_OK) == 0;
}

// Returns the path of the program `name`, or "" if there is none.
std::string Find(const std::string& name, absl::string_view path) {
  if (absl::StrContains(name, "/")) return IsProgram(name) ? name : "";
  if (name.empty()) return "";
  for (const absl::string_view folder : absl::StrSplit(path, ':')) {
    // An empty element means the working directory, which is never intended.
    if (folder.empty()) continue;
    std::string file = absl::StrCat(folder, "/", name);
    if (IsProgram(file)) return file;
  }
  return "";
}

}  // namespace

absl::StatusOr<CheckerCommand> ReadCheckerCommand(
    absl::Span<const std::string> arguments, absl::string_view path) {
  CheckerCommand result;
  if (arguments.empty()) return absl::InvalidArgumentError("no checker");
  const bool slash = absl::StrContains(arguments[0], "/");
  const bool program = slash || !Find(arguments[0], path).empty();
  if (program && !slash && arguments.size() > 2 &&
      !Find(arguments[1], path).empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "cannot tell whether ", arguments[0], " is the host and ", arguments[1],
        " the checker, or ", arguments[0],
        " is the checker, because both are programs: if the first is the "
        "checker, write its path; if it is the host, write its full name"));
  }
  if (!program) {
    result.host = arguments[0];
    arguments.remove_prefix(1);
  }
  if (arguments.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("no checker after the host ", result.host));
  }
  std::string checker = Find(arguments[0], path);
  if (checker.empty()) {
    return absl::NotFoundError(absl::StrCat(
        "no such checker, or not an executable file: ", arguments[0]));
  }
  const absl::string_view name =
      absl::string_view(checker).substr(checker.rfind('/') + 1);
  if (name == "true" || name == "false") {
    return absl::InvalidArgumentError(
        absl::StrCat(checker, " does not check passwords"));
  }
  if (arguments.size() < 2) {
    return absl::InvalidArgumentError(absl::StrCat(
        checker,
        " needs a program to run if the password is right, for example true"));
  }
  result.command.assign(arguments.begin(), arguments.end());
  result.command[0] = std::move(checker);
  return result;
}

}  // namespace postern::auth
