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
//
// Thread-safe.
void WriteLog(absl::string_view line);

// Takes lines, with their ends, in the place of standard error. Thread-safe.
class LogSink {
 public:
  virtual ~LogSink() = default;
  virtual void Add(absl::string_view line) = 0;
};

// From now on lines go to `sink`; null: to standard error. It must live until
// the next call, and no line may be on its way then.
void SetLogSink(LogSink* sink);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_LOG_H_
