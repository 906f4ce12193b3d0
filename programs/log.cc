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

std::atomic<LogSink*> sink{nullptr};

}  // namespace

void WriteLog(absl::string_view line) {
  std::string out = absl::StrCat(program_invocation_short_name,
                                 ": pid=", getpid(), " ", line);
  for (char& c : out) {
    if (!absl::ascii_isprint(c)) c = '?';
  }
  out += '\n';
  if (LogSink* const to = sink.load(std::memory_order_acquire)) {
    return to->Add(out);
  }
  (void)!write(STDERR_FILENO, out.data(), out.size());  // see the header
}

void SetLogSink(LogSink* to) { sink.store(to, std::memory_order_release); }

}  // namespace postern::programs
