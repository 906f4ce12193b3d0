// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/log.h"

#include <errno.h>  // program_invocation_short_name
#include <unistd.h>

#include <atomic>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace postern::programs {
namespace {

using policy::LogFormat;
using policy::LogLine;
using policy::LogStyle;

std::atomic<LogSink*> sink{nullptr};

LogStyle& Style() {
  // Never destroyed: some thread may log to the end.
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
  std::string out;
  if (LineStyle().format() == LogFormat::kJson) {
    out = LogLine(event.empty() ? "notice" : event, LineStyle())
              .Text("text", text, policy::kNoLogLimit)
              .End();
  } else {
    out = absl::StrCat(LineStyle().head(), event, event.empty() ? "" : ": ",
                       text);
    for (char& c : out) {
      if (!absl::ascii_isprint(c)) c = '?';
    }
  }
  out += '\n';
  return out;
}

void WriteLogAsIs(absl::string_view line) { Write(line); }

void WriteUsageError(absl::string_view program, absl::string_view what) {
  if (sink.load(std::memory_order_acquire) != nullptr) {
    return WriteLog("fatal", what);
  }
  Write(absl::StrCat(program, ": ", what,
                     "\nRun with --help for more information.\n"));
}

void SetLogSink(LogSink* to) { sink.store(to, std::memory_order_release); }

}  // namespace postern::programs
