// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// How adapters report a local failure to the operator. The client gets a reply.

#ifndef POSTERN_LOG_REPORT_H_
#define POSTERN_LOG_REPORT_H_

#include <concepts>
#include <functional>
#include <type_traits>
#include <utility>

#include "absl/strings/string_view.h"

namespace postern::log {

// A function that takes one line for the operator, without a newline:
// "maildir /var/mail/u: No such file or directory". The line names the file or
// the program, and the reason. It contains no secret that a client sent; other
// bytes that a client sent are escaped. The function must be thread-safe if the
// adapter that calls it is shared between threads.
//
// A Report without a function drops its lines. An adapter calls its Report
// without a test.
class Report {
 public:
  using Function = std::function<void(absl::string_view)>;

  Report() = default;  // drops its lines
  // From anything that converts to Function. An empty function or a null
  // pointer drops the lines.
  template <typename F>
  requires(!std::same_as<std::remove_cvref_t<F>, Report> &&
           std::constructible_from<Function, F>)
      Report(F&& take)  // NOLINT(google-explicit-constructor)
      : take_(std::forward<F>(take)) {}

  void operator()(absl::string_view line) const {
    if (take_) take_(line);
  }

 private:
  Function take_;
};

// Returns a Report that writes each line to the log as a sentence with `event`:
// see WriteLog(). The text of `event` must outlive the Report.
Report ReportToLog(absl::string_view event);

// Reports `what` and the text of `error`, a negative errno.
void ReportError(const Report& report, absl::string_view what, int error);

}  // namespace postern::log

#endif  // POSTERN_LOG_REPORT_H_
