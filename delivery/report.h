// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What went wrong here, for the log: which file, and why. The client hears a
// reply, and no more.

#ifndef POSTERN_DELIVERY_REPORT_H_
#define POSTERN_DELIVERY_REPORT_H_

#include <functional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace postern::delivery {

// Takes one line for the operator, without its end: "maildir /var/mail/u: No
// such file or directory". Thread-safe where its deliveries are shared. Empty:
// nobody wants to know.
using Report = std::function<void(absl::string_view)>;

// Reports `what` and the text of `error`, a negative errno.
inline void ReportError(const Report& report, absl::string_view what,
                        int error) {
  if (report) report(absl::ErrnoToStatus(-error, what).message());
}

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_REPORT_H_
