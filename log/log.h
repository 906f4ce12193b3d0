// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The log: standard error, which a supervisor keeps, with the time that its
// logger adds.

#ifndef POSTERN_LOG_LOG_H_
#define POSTERN_LOG_LOG_H_

#include <string>

#include "absl/strings/string_view.h"
#include "log/log_line.h"

namespace postern::log {

// Has lines written in `format` from now on; logfmt before. Not thread-safe: to
// be called before there are threads.
void SetLogFormat(LogFormat format);

// How lines begin: with the program's name and pid. For LogLine.
const LogStyle& LineStyle();

// Writes `line` and its end, with one write(2), so that the lines of many
// processes do not mix. A log that cannot be written is not worth a message.
//
// Thread-safe.
void WriteLog(LogLine& line);
inline void WriteLog(LogLine&& line) { WriteLog(line); }

// Has all sentences say that they are of `session`: for a process that serves
// one. Not thread-safe, as SetLogFormat().
void SetLogSession(absl::string_view session);

// While it lives, sentences that its thread writes are about `subject`, whose
// text must outlive it: for what does not know of sessions, such as a delivery.
class LogScope {
 public:
  explicit LogScope(const LogSubject& subject);
  ~LogScope();
  LogScope(const LogScope&) = delete;
  LogScope& operator=(const LogScope&) = delete;

 private:
  const LogSubject before_;
};

// Writes a sentence: "EVENT: TEXT", or {"event":"EVENT",...,"text":"TEXT"}, as
// SentenceLine() has it.
void WriteLog(absl::string_view event, absl::string_view text);
// The same without "EVENT: "; in JSON it is a "notice".
void WriteLog(absl::string_view text);
// Returns what the former writes, with its end. An empty event: the latter.
std::string FormatLog(absl::string_view event, absl::string_view text);

// Writes `line`, with its end, and allocates nothing.
void WriteLogAsIs(absl::string_view line);

// Reports a mistake in the options, before there is a log: to standard error,
// with a hint at --help, or to the sink, if there is one, as a "fatal" line.
void WriteUsageError(absl::string_view program, absl::string_view what);

// Takes lines, with their ends, in the place of standard error. Thread-safe.
class LogSink {
 public:
  virtual ~LogSink() = default;
  virtual void Add(absl::string_view line) = 0;
};

// From now on lines go to `sink`; null: to standard error. It must live until
// the next call, and no line may be on its way then.
void SetLogSink(LogSink* sink);

}  // namespace postern::log

#endif  // POSTERN_LOG_LOG_H_
