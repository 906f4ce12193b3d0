// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A log that drops its lines.

#ifndef POSTERN_LOG_NO_LOG_H_
#define POSTERN_LOG_NO_LOG_H_

#include "absl/strings/string_view.h"
#include "log/log.h"

namespace postern::log {

// While an object exists, all lines are dropped. Its constructor and destructor
// call SetLogSink(): no other thread may log then.
class NoLog : public LogSink {
 public:
  NoLog() { SetLogSink(this); }
  NoLog(const NoLog&) = delete;
  NoLog& operator=(const NoLog&) = delete;
  ~NoLog() override { SetLogSink(nullptr); }
  void Add(absl::string_view) override {}
};

}  // namespace postern::log

#endif  // POSTERN_LOG_NO_LOG_H_
