// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The log of a program. It is written to standard error, where a service
// manager reads it and adds the time.

#ifndef POSTERN_LOG_LOG_H_
#define POSTERN_LOG_LOG_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "log/log_line.h"

namespace postern::log {

// Sets the format of the lines from now on. The default is logfmt. Not
// thread-safe: call it before other threads exist.
void SetLogFormat(LogFormat format);

// Returns how lines begin: the program's name and its pid. Pass it to LogLine.
const LogStyle& LineStyle();

// Writes `line` and a newline with one write(2), so that the lines of several
// processes do not mix. Ignores errors: there is nowhere to report them.
//
// Thread-safe.
void WriteLog(LogLine& line);
inline void WriteLog(LogLine&& line) { WriteLog(line); }

// Adds `session` to the sentences that are logged outside of a LogScope. For a
// process that serves one session. At most 31 bytes. Not thread-safe: call it
// before other threads exist.
void SetLogSession(absl::string_view session);

// While a LogScope exists, sentences logged by its thread name `subject`. Its
// text must outlive the scope. For code that does not know the session, such as
// a delivery.
class LogScope {
 public:
  explicit LogScope(const LogSubject& subject);
  ~LogScope();
  LogScope(const LogScope&) = delete;
  LogScope& operator=(const LogScope&) = delete;

 private:
  const LogSubject before_;
};

// Writes a sentence: "EVENT: TEXT", or {"event":"EVENT",...,"text":"TEXT"}. See
// SentenceLine().
void WriteLog(absl::string_view event, absl::string_view text);
// Writes a sentence without "EVENT: ". In JSON its event is "notice".
void WriteLog(absl::string_view text);
// Returns the line that WriteLog(event, text) writes, with its newline. If
// `event` is empty, the line that WriteLog(text) writes.
std::string FormatLog(absl::string_view event, absl::string_view text);

// Writes `line`, which ends in a newline. Allocates no memory.
void WriteLogAsIs(absl::string_view line);

// Reports mistakes in the options: to standard error, with a hint at --help. If
// a sink is set, writes a "fatal" line for each to it instead.
void WriteUsageError(absl::string_view program,
                     absl::Span<const std::string> mistakes);

// Receives the lines, with their newlines, instead of standard error.
// Thread-safe.
class LogSink {
 public:
  virtual ~LogSink() = default;
  virtual void Add(absl::string_view line) = 0;
};

// Sends all further lines to `sink`, or to standard error if it is null. `sink`
// must live until the next call of SetLogSink(). During that call no other
// thread may log.
void SetLogSink(LogSink* sink);

}  // namespace postern::log

#endif  // POSTERN_LOG_LOG_H_
