// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "log/report.h"

#include "absl/status/status.h"
#include "log/log.h"

namespace postern::log {

Report ReportToLog(absl::string_view event) {
  return [event](absl::string_view line) { WriteLog(event, line); };
}

void ReportError(const Report& report, absl::string_view what, int error) {
  report(absl::ErrnoToStatus(-error, what).message());
}

}  // namespace postern::log
