// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "service/metrics.h"

#include <algorithm>

namespace postern::service {
namespace {

MetricCounts::Tls Version(const TlsInfo& tls) {
  if (tls.protocol == "TLSv1.3") return MetricCounts::Tls::k13;
  if (tls.protocol == "TLSv1.2") return MetricCounts::Tls::k12;
  if (tls.protocol == "TLSv1.1") return MetricCounts::Tls::k11;
  if (tls.protocol == "TLSv1") return MetricCounts::Tls::k10;
  return MetricCounts::Tls::kOther;
}

}  // namespace

Metrics::Metrics(absl::Span<const absl::string_view> rules)
    : counts_{.rules = std::vector<MetricCounts::Rule>(rules.size() + 1)} {
  for (size_t i = 0; i < rules.size(); ++i) counts_.rules[i].name = rules[i];
  counts_.rules.back().name = "other";
}

MetricCounts::Rule& Metrics::Of(absl::string_view name) {
  auto rule = counts_.rules.begin();
  while (rule + 1 != counts_.rules.end() && rule->name != name) ++rule;
  return *rule;
}

void Metrics::CountNoted(absl::string_view rule) { Add(&Of(rule).noted); }

void Metrics::CountDecision(const policy::Decision& decision) {
  Add(&Of(decision.rule).kinds[static_cast<size_t>(decision.kind)]);
}

void Metrics::CountSession(const SessionEnd& end, const SessionInfo& info) {
  Add(&counts_.sessions[static_cast<size_t>(end.reason)]);
  for (size_t i = 0; i < end.replies.size(); ++i) {
    if (end.replies[i] > 0) Add(&counts_.replies[i], end.replies[i]);
  }
  Add(&counts_.bytes_in, end.bytes_in);
  Add(&counts_.bytes_out, end.bytes_out);
  if (info.tls != nullptr) {
    Add(&counts_.tls[static_cast<size_t>(Version(*info.tls))]);
  } else if (!end.tls_error.empty()) {
    Add(&counts_.tls_failures);
  }
}

void Metrics::CountDelivery(absl::Duration duration) {
  const auto& bounds = MetricCounts::kBounds;
  const auto bound = std::lower_bound(bounds.begin(), bounds.end(), duration);
  Add(&counts_.deliveries[static_cast<size_t>(bound - bounds.begin())]);
  Add(&counts_.delivery_nanoseconds,
      static_cast<uint64_t>(absl::ToInt64Nanoseconds(duration)));
}

void Metrics::CountAuth(absl::string_view mechanism, AuthOutcome outcome) {
  const std::lock_guard<std::mutex> lock(mutex_);
  ++auth_[{std::string(mechanism), outcome}];
}

void Metrics::CountDestination(const std::string& name, bool accepted) {
  const std::lock_guard<std::mutex> lock(mutex_);
  ++destinations_[name][accepted];
}

Metrics::DestinationCounts Metrics::destinations() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return destinations_;
}

Metrics::AuthCounts Metrics::auth() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return auth_;
}

}  // namespace postern::service
