// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/tables/report.h"

#include <errno.h>

#include <cstdio>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "files/paths.h"
#include "policy/rules/rule_source.h"

namespace postern::programs {

int Fail(absl::string_view program, const absl::Status& status) {
  std::fputs(absl::StrCat(program, ": ", status.message(), "\n").c_str(),
             stderr);
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kFailedPrecondition:
      return kUsage;
    default:
      return kTemporary;
  }
}

void Warn(absl::string_view program, const std::vector<std::string>& warnings) {
  for (const std::string& warning : warnings) {
    std::fputs(absl::StrCat(program, ": warning: ", warning, "\n").c_str(),
               stderr);
  }
}

int Print(absl::string_view program, absl::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() &&
      std::fflush(stdout) == 0) {
    return 0;
  }
  return Fail(program, absl::ErrnoToStatus(errno, "standard output"));
}

std::string DatabaseOf(absl::string_view text) {
  return absl::StrCat(text, policy::kDatabaseSuffix);
}

absl::Status CheckNames(absl::string_view text, absl::string_view database) {
  if (absl::EndsWith(text, policy::kDatabaseSuffix)) {
    return absl::InvalidArgumentError(
        absl::StrCat(text, ": is a database, not a text"));
  }
  if (files::ResolvePath(text) == files::ResolvePath(database)) {
    return absl::InvalidArgumentError(
        absl::StrCat(database, ": the database would replace the text ", text));
  }
  return absl::OkStatus();
}

}  // namespace postern::programs
