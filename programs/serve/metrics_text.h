// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Formats metrics in the text format of Prometheus.

#ifndef POSTERN_PROGRAMS_SERVE_METRICS_TEXT_H_
#define POSTERN_PROGRAMS_SERVE_METRICS_TEXT_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "delivery/forward/hop_loop.h"
#include "policy/names/resolver.h"
#include "policy/shared/redis_store.h"
#include "service/metrics.h"

namespace postern::programs {

// Values that other objects count. They are read at each request.
struct MetricGauges {
  uint64_t connections = 0;        // open
  uint64_t refused_admission = 0;  // since the start, for lack of descriptors
  uint64_t pool_queued = 0;
  uint64_t pool_running = 0;
  uint64_t pool_threads = 0;
  policy::Resolver::Counts dns;  // zeros without a resolver
  std::vector<delivery::HopStatus> next_hops;
  // Of --shared-state; zeros without it.
  bool shared_state_works = false;
  policy::RedisStore::Counts shared_state;
  // The files of certificates, and when these expire.
  std::vector<std::pair<std::string, absl::Time>> certificates;
  absl::Duration longest_turn;
  absl::Time start;
};

// The values of postern relay. The counts are those since the start.
struct RelayGauges {
  bool connected = false;    // to the broker
  uint64_t in_progress = 0;  // messages
  // Recipients by their result.
  uint64_t delivered = 0;
  uint64_t retried = 0;
  uint64_t refused = 0;
  uint64_t expired = 0;
  uint64_t invalid = 0;          // messages
  policy::Resolver::Counts dns;  // zeros without a resolver
  std::vector<delivery::HopStatus> next_hops;
  absl::Time start;
};

// Returns all metrics in the text format, version 0.0.4. postern(8) describes
// the names, which do not change. Each series exists from the start, with the
// value 0, except for AUTH, because mechanisms are unknown before their first
// use.
std::string FormatMetrics(const service::Metrics& metrics,
                          const MetricGauges& gauges);
// The same for postern relay: see postern-relay(8).
std::string FormatRelayMetrics(const RelayGauges& gauges);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_SERVE_METRICS_TEXT_H_
