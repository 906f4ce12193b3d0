// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// How adapters report a local failure to the operator. The client gets a reply.

#ifndef POSTERN_LOG_REPORT_H_
#define POSTERN_LOG_REPORT_H_

#include <functional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace postern::log {

// Takes one line for the operator, without a newline: "maildir /var/mail/u: No
// such file or directory". The line names the file or the program, and the
// reason. It contains no secret that a client sent; other bytes that a client
// sent are escaped. Must be thread-safe if the adapter that calls it is shared
// between threads. If the function is empty, the line is dropped.
using Report = std::function<void(absl::string_view)>;

// Reports `what` and the text of `error`, a negative errno.
inline void ReportError(const Report& report, absl::string_view what,
                        int error) {
  if (report) report(absl::ErrnoToStatus(-error, what).message());
}

}  // namespace postern::log

#endif  // POSTERN_LOG_REPORT_H_
