// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "log/log.h"

#include <errno.h>  // program_invocation_short_name
#include <unistd.h>

#include <atomic>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace postern::log {
namespace {

std::atomic<LogSink*> sink{nullptr};
char own_session[32] = "";  // see SetLogSession()
thread_local LogSubject subject;

LogStyle& Style() {
  // Never destroyed, because threads may log until the process ends.
  static LogStyle& style = *new LogStyle(
      LogFormat::kLogfmt, program_invocation_short_name, getpid());
  return style;
}

void Write(absl::string_view line) {
  if (LogSink* const to = sink.load(std::memory_order_acquire)) {
    return to->Add(line);
  }
  (void)!write(STDERR_FILENO, line.data(), line.size());  // see the header
}

}  // namespace

void SetLogSession(absl::string_view session) {
  const size_t size = session.copy(own_session, sizeof(own_session) - 1);
  own_session[size] = '\0';
}

LogScope::LogScope(const LogSubject& about)
    : before_(std::exchange(subject, about)) {}

LogScope::~LogScope() { subject = before_; }

void SetLogFormat(LogFormat format) {
  Style() = LogStyle(format, program_invocation_short_name, getpid());
}

const LogStyle& LineStyle() { return Style(); }

void WriteLog(LogLine& line) {
  std::string text = line.End();
  text += '\n';
  Write(text);
}

void WriteLog(absl::string_view event, absl::string_view text) {
  Write(FormatLog(event, text));
}

void WriteLog(absl::string_view text) { Write(FormatLog("", text)); }

std::string FormatLog(absl::string_view event, absl::string_view text) {
  LogSubject about = subject;
  if (about.session.empty()) about.session = own_session;
  std::string out = SentenceLine(event, text, LineStyle(), about);
  out += '\n';
  return out;
}

void WriteLogAsIs(absl::string_view line) { Write(line); }

void WriteUsageError(absl::string_view program,
                     absl::Span<const std::string> mistakes) {
  if (sink.load(std::memory_order_acquire) != nullptr) {
    for (const std::string& what : mistakes) WriteLog("fatal", what);
    return;
  }
  std::string text;
  for (const std::string& what : mistakes) {
    absl::StrAppend(&text, program, ": ", what, "\n");
  }
  Write(absl::StrCat(text, "Run with --help for more information.\n"));
}

void SetLogSink(LogSink* to) { sink.store(to, std::memory_order_release); }

}  // namespace postern::log
