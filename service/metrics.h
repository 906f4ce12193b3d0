// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Counters of the work that postern serve has done.

#ifndef POSTERN_SERVICE_METRICS_H_
#define POSTERN_SERVICE_METRICS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "delivery/rspamd_outcome.h"
#include "engine/session_info.h"
#include "engine/step.h"
#include "policy/decision.h"
#include "service/auth_outcome.h"
#include "transports/service.h"

namespace postern::service {

// The counters. Arrays are indexed by the enumerators, or by false and true.
struct MetricCounts {
  using Count = std::atomic<uint64_t>;

  // Why a connection did not become a session.
  enum class Unserved : uint8_t {
    kMaxConnections,
    kMaxPerClient,
    kMaxRate,
    kDenied,   // by rules, without a reply
    kNoRules,  // the rules cannot be read
    kNoProxy,
    kAdmissionTimeout,
    kProxyHeader,  // no valid header
  };
  enum class Tls : uint8_t { k10, k11, k12, k13, kOther };
  // Upper bounds of the histogram of delivery times. A last bucket has the
  // rest.
  static constexpr std::array<absl::Duration, 15> kBounds = {
      absl::Milliseconds(1),    absl::Microseconds(2500),
      absl::Milliseconds(5),    absl::Milliseconds(10),
      absl::Milliseconds(25),   absl::Milliseconds(50),
      absl::Milliseconds(100),  absl::Milliseconds(250),
      absl::Milliseconds(500),  absl::Seconds(1),
      absl::Milliseconds(2500), absl::Seconds(5),
      absl::Seconds(10),        absl::Seconds(60),
      absl::Seconds(300)};

  Count connections{0};
  std::array<Count, 8> unserved = {};
  std::array<Count, kCloseReasons> sessions = {};
  std::array<Count, 4> replies = {};  // as in ReplyCounts
  Count bytes_in{0};
  Count bytes_out{0};
  std::array<Count, 5> tls = {};
  Count tls_failures{0};
  // Decisions of one rule, by Verdict::Kind.
  struct Rule {
    absl::string_view name;
    std::array<Count, 3> kinds = {};
    Count noted{0};  // refusals without effect
  };
  std::vector<Rule> rules;             // the last one is for all other names
  std::array<Count, 2> messages = {};  // by whether accepted
  std::array<Count, kBounds.size() + 1> deliveries = {};  // each in one bucket
  Count delivery_nanoseconds{0};
  std::array<Count, delivery::kRspamdOutcomeCount> rspamd = {};
  std::array<Count, 2> reloads = {};  // by success
};

// Collects counts; programs/serve/metrics_text.h formats them. Thread-safe.
// Except for CountAuth() and CountDestination(), counting is one or a few
// atomic additions without locks, so sessions count on the threads that serve
// them. A reader gets correct numbers, but not all from the same moment.
class Metrics {
 public:
  using Unserved = MetricCounts::Unserved;
  using AuthCounts = std::map<std::pair<std::string, AuthOutcome>, uint64_t>;
  // By whether accepted.
  using DestinationCounts = std::map<std::string, std::array<uint64_t, 2>>;

  // Decisions are counted by `rules`, whose names must be static. All other
  // rules are counted together as "other".
  explicit Metrics(absl::Span<const absl::string_view> rules = {});
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // A client has connected, whatever the outcome.
  void CountConnection() { Add(&counts_.connections); }
  // The connection did not become a session.
  void CountUnserved(Unserved why) {
    Add(&counts_.unserved[static_cast<size_t>(why)]);
  }
  // A session has ended. Counts its end, replies, octets and TLS.
  void CountSession(const SessionEnd& end, const SessionInfo& info);
  // A check or the delivery has decided.
  void CountDecision(const policy::Decision& decision);
  // A check has noted a refusal, which has no effect.
  void CountNoted(absl::string_view rule);
  // A message has its answer, after its content or before it.
  void CountMessage(bool accepted) { Add(&counts_.messages[accepted]); }
  // The time of a delivery, from the end of the content to its answer.
  void CountDelivery(absl::Duration duration);
  // rspamd has decided about a message, or was to decide.
  void CountRspamd(delivery::RspamdOutcome outcome) {
    Add(&counts_.rspamd[static_cast<size_t>(outcome)]);
  }
  // An AUTH exchange has ended. `mechanism` must be one that is offered,
  // because each name is stored and clients must not choose it. Takes a lock.
  void CountAuth(absl::string_view mechanism, AuthOutcome outcome);
  // A destination has answered a message. `name` must be one that the
  // configuration has, because each is stored. Takes a lock.
  void CountDestination(const std::string& name, bool accepted);
  void CountReload(bool ok) { Add(&counts_.reloads[ok]); }

  const MetricCounts& counts() const { return counts_; }
  AuthCounts auth() const;
  DestinationCounts destinations() const;

 private:
  // Returns the counters of `rule`, or those of all other names.
  MetricCounts::Rule& Of(absl::string_view rule);
  // Relaxed order, because no reader compares two numbers.
  static void Add(MetricCounts::Count* count, uint64_t n = 1) {
    count->fetch_add(n, std::memory_order_relaxed);
  }

  MetricCounts counts_;
  mutable std::mutex mutex_;
  AuthCounts auth_;                 // guarded by mutex_
  DestinationCounts destinations_;  // guarded by mutex_
};

}  // namespace postern::service

#endif  // POSTERN_SERVICE_METRICS_H_
