// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Reads a line of the log: the inverse of log/log_line.h.

#ifndef POSTERN_PROGRAMS_EXPLAIN_LOG_FACTS_H_
#define POSTERN_PROGRAMS_EXPLAIN_LOG_FACTS_H_

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace postern::programs {

// Returns the fields of `line`, in logfmt or JSON, with what a logger has put
// before it. The values are unescaped, addresses have no brackets. A value that was
// cut is left out if it belongs to the answer: as, reply and source. Returns
// kInvalidArgument if another value was cut, because then the line does not say
// what the server decided on, if the line has no fields, or if a field is given
// twice.
absl::StatusOr<std::map<std::string, std::string>> ReadLogLine(
    absl::string_view line);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_EXPLAIN_LOG_FACTS_H_
