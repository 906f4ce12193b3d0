// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What postern serve has done so far, in numbers.

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
#include "engine/event.h"
#include "engine/session_info.h"
#include "policy/decision.h"
#include "service/auth_outcome.h"
#include "transports/service.h"

namespace postern::service {

// The numbers. Indexes are of the enumerators, and of false and true.
struct MetricCounts {
  using Count = std::atomic<uint64_t>;

  // Why a connection did not become a session.
  enum class Unserved : uint8_t {
    kMaxConnections,
    kMaxPerClient,
    kMaxRate,
    kDenied,   // by rules, without a word
    kNoRules,  // they cannot be read
    kNoProxy,
    kAdmissionTimeout,
    kProxyHeader,  // none that can be read
  };
  enum class Tls : uint8_t { k10, k11, k12, k13, kOther };
  // What deliveries are told apart by; some take longer than the last.
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
  std::array<Count, 4> replies = {};  // as ReplyCounts
  Count bytes_in{0};
  Count bytes_out{0};
  std::array<Count, 5> tls = {};
  Count tls_failures{0};
  // Decisions of one rule, by Verdict::Kind.
  struct Rule {
    absl::string_view name;
    std::array<Count, 3> kinds = {};
  };
  std::vector<Rule>
      rules;  // the last is for all that have no name of their own
  std::array<Count, 2> messages = {};                     // whether accepted
  std::array<Count, kBounds.size() + 1> deliveries = {};  // each in one
  Count delivery_nanoseconds{0};
  std::array<Count, 2> reloads = {};  // whether it went well
};

// Metrics counts, and knows nothing of who reads: programs/serve/metrics_text.h
// does. Thread-safe. But for CountAuth(), to count is an addition or some that
// wait for nobody: sessions do it on the threads that serve them. Who reads
// sees each number as it is, and not all of one moment.
class Metrics {
 public:
  using Unserved = MetricCounts::Unserved;
  using AuthCounts = std::map<std::pair<std::string, AuthOutcome>, uint64_t>;

  // Decisions are counted by these `rules`, whose names are static, and of the
  // others together as "other".
  explicit Metrics(absl::Span<const absl::string_view> rules = {});
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // A client has come, whatever becomes of it.
  void CountConnection() { Add(&counts_.connections); }
  // It did not become a session.
  void CountUnserved(Unserved why) {
    Add(&counts_.unserved[static_cast<size_t>(why)]);
  }
  // A session is over: how, its replies, octets, and TLS.
  void CountSession(const SessionEnd& end, const SessionInfo& info);
  // A client, a sender or a recipient has been decided on.
  void CountDecision(const policy::Decision& decision);
  // A message has its answer: at its end, or where it was to begin.
  void CountMessage(bool accepted) { Add(&counts_.messages[accepted]); }
  // How long a delivery took, from the end of the content to its answer.
  void CountDelivery(absl::Duration duration);
  // An exchange of AUTH is over. `mechanism` must be one that is offered, or
  // clients choose what is kept. Takes a lock.
  void CountAuth(absl::string_view mechanism, AuthOutcome outcome);
  void CountReload(bool ok) { Add(&counts_.reloads[ok]); }

  const MetricCounts& counts() const { return counts_; }
  AuthCounts auth() const;

 private:
  // Nobody concludes from one number to another: any order will do.
  static void Add(MetricCounts::Count* count, uint64_t n = 1) {
    count->fetch_add(n, std::memory_order_relaxed);
  }

  MetricCounts counts_;
  mutable std::mutex mutex_;
  AuthCounts auth_;  // guarded by mutex_
};

}  // namespace postern::service

#endif  // POSTERN_SERVICE_METRICS_H_
