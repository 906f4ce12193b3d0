// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What "postern rules" and "postern hosts" have in common: exit codes, errors,
// warnings, and the names of files.

#ifndef POSTERN_PROGRAMS_TABLES_REPORT_H_
#define POSTERN_PROGRAMS_TABLES_REPORT_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace postern::programs {

// Exit codes of D. J. Bernstein's programs: permanent and temporary failure.
inline constexpr int kUsage = 100;
inline constexpr int kTemporary = 111;

// Writes the error `status` of `program` ("postern rules") to standard error.
// Returns the exit code: kUsage if the arguments or the files must be changed,
// kTemporary otherwise.
int Fail(absl::string_view program, const absl::Status& status);

// Writes `warnings` to standard error, each in a line.
void Warn(absl::string_view program, const std::vector<std::string>& warnings);

// Writes `text` to standard output. Returns 0, or, if it cannot be written, the
// result of Fail().
int Print(absl::string_view program, absl::string_view text);

// Returns the database for the text file `text`: TEXT.cdb.
std::string DatabaseOf(absl::string_view text);

// Returns an error if the name of `text` says that it is a database, or if it
// is the same as `database`, because the text would be overwritten.
absl::Status CheckNames(absl::string_view text, absl::string_view database);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_TABLES_REPORT_H_
