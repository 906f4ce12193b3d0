// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Metrics in the text that Prometheus reads.

#ifndef POSTERN_PROGRAMS_SERVE_METRICS_TEXT_H_
#define POSTERN_PROGRAMS_SERVE_METRICS_TEXT_H_

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "service/metrics.h"

namespace postern::programs {

// What others count, and is looked at when somebody reads.
struct MetricGauges {
  uint64_t connections = 0;  // open
  uint64_t turned_away = 0;  // so far, for want of a descriptor
  uint64_t pool_queued = 0;
  uint64_t pool_running = 0;
  uint64_t pool_threads = 0;
  absl::Duration longest_turn;
  absl::Time start;
};

// Returns all of it in the text format, version 0.0.4. postern(8) says what the
// names mean; they do not change. A series is there from the start, at 0; but
// for those of AUTH, since a mechanism is not known before it is used.
std::string FormatMetrics(const service::Metrics& metrics,
                          const MetricGauges& gauges);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_SERVE_METRICS_TEXT_H_
