// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// How adapters say what went wrong here. The client gets a reply; the operator
// gets this.

#ifndef POSTERN_LOG_REPORT_H_
#define POSTERN_LOG_REPORT_H_

#include <functional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace postern::log {

// Takes one line for the operator, without its end: "maildir /var/mail/u: No
// such file or directory". It names the file or the program, and why it failed.
// Nothing that a client sent as a secret is in it; what else a client sent is
// escaped. Thread-safe where the adapter that calls it is shared. Empty: the
// line is dropped.
using Report = std::function<void(absl::string_view)>;

// Reports `what` and the text of `error`, a negative errno.
inline void ReportError(const Report& report, absl::string_view what,
                        int error) {
  if (report) report(absl::ErrnoToStatus(-error, what).message());
}

}  // namespace postern::log

#endif  // POSTERN_LOG_REPORT_H_
