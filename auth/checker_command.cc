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

// Returns where the program `name` is, or "".
std::string Find(const std::string& name, absl::string_view path) {
  if (absl::StrContains(name, "/")) return IsProgram(name) ? name : "";
  if (name.empty()) return "";
  for (const absl::string_view folder : absl::StrSplit(path, ':')) {
    // An empty one is the folder that we are in, which is never meant.
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
        "is ", arguments[0], " the host and ", arguments[1],
        " the checker, or ", arguments[0],
        " the checker? Both are programs: write the first with its path, if it "
        "is the checker, or a host in full"));
  }
  if (!program) {
    result.host = arguments[0];
    arguments.remove_prefix(1);
  }
  if (arguments.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("no checker behind the host ", result.host));
  }
  std::string checker = Find(arguments[0], path);
  if (checker.empty()) {
    return absl::NotFoundError(
        absl::StrCat("no such checker, or no program: ", arguments[0]));
  }
  const absl::string_view name =
      absl::string_view(checker).substr(checker.rfind('/') + 1);
  if (name == "true" || name == "false") {
    return absl::InvalidArgumentError(
        absl::StrCat(checker, " checks no password"));
  }
  if (arguments.size() < 2) {
    return absl::InvalidArgumentError(absl::StrCat(
        checker, " has nothing to run when the password is right: add true"));
  }
  result.command.assign(arguments.begin(), arguments.end());
  result.command[0] = std::move(checker);
  return result;
}

}  // namespace postern::auth
