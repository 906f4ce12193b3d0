// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The log: standard error, which a supervisor keeps, with the time that its
// logger adds.

#ifndef POSTERN_PROGRAMS_LOG_H_
#define POSTERN_PROGRAMS_LOG_H_

#include "absl/strings/string_view.h"

namespace postern::programs {

// Writes `line` behind the program's name and pid ("postern-smtpd: pid=N "),
// with one write(2), so that the lines of many processes do not mix. Bytes
// outside printable ASCII become
// '?': what clients said is escaped where it is formatted, and nothing gets
// past here. A log that cannot be written is not worth a message.
void WriteLog(absl::string_view line);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_LOG_H_
