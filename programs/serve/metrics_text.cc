// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/serve/metrics_text.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <limits>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "engine/step.h"
#include "engine/verdict.h"
#include "policy/decision.h"
#include "service/options.h"
#include "service/version.h"

namespace postern::programs {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

using Label = std::pair<absl::string_view, absl::string_view>;
using Labels = std::vector<Label>;
using Count = service::MetricCounts::Count;

constexpr absl::string_view kUnserved[] = {
    "max-connections", "max-per-client", "max-rate",          "denied",
    "no-rules",        "no-proxy",       "admission-timeout", "proxy-header"};
constexpr absl::string_view kReplies[] = {"2xx", "3xx", "4xx", "5xx"};
constexpr absl::string_view kTls[] = {"TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3",
                                      "other"};
constexpr absl::string_view kKinds[] = {"accept", "refuse", "drop"};
constexpr absl::string_view kMessages[] = {"refuse", "accept"};
// By delivery::RspamdOutcome.
constexpr absl::string_view kRspamd[] = {
    "no-action", "greylist", "add-header", "rewrite-subject", "soft-reject",
    "reject",    "discard",  "too-large",  "outage"};
constexpr absl::string_view kReloads[] = {"failed", "ok"};

double Read(const Count& count) {
  return static_cast<double>(count.load(std::memory_order_relaxed));
}

// Collects metrics, in the order of the calls.
class Text {
 public:
  // The following values have this name. Names of counters end in "_total";
  // others are gauges.
  void Family(absl::string_view name, absl::string_view help) {
    MetricFamily& family = families_.emplace_back();
    family.name = std::string(name);
    family.help = std::string(help);
    family.type = absl::EndsWith(name, "_total") ? MetricType::Counter
                                                 : MetricType::Gauge;
  }
  void Value(double value, const Labels& labels = {}) {
    ClientMetric& metric = families_.back().metric.emplace_back();
    for (const auto& [name, label] : labels) {
      metric.label.push_back({std::string(name), std::string(label)});
    }
    metric.counter.value = metric.gauge.value = value;
  }
  void Family(absl::string_view name, absl::string_view help, double value) {
    Family(name, help);
    Value(value);
  }
  // One value for each of `counts`, with a label from `names`.
  template <typename Counts, size_t n>
  void Family(absl::string_view name, absl::string_view help,
              absl::string_view label, const Counts& counts,
              const absl::string_view (&names)[n]) {
    static_assert(std::tuple_size_v<Counts> == n);
    Family(name, help);
    for (size_t i = 0; i < n; ++i) Value(Read(counts[i]), {{label, names[i]}});
  }
  void Deliveries(absl::string_view name, absl::string_view help,
                  const service::MetricCounts& counts) {
    Family(name, help);
    families_.back().type = MetricType::Histogram;
    ClientMetric::Histogram& histogram =
        families_.back().metric.emplace_back().histogram;
    uint64_t sum = 0;
    for (size_t i = 0; i < counts.deliveries.size(); ++i) {
      sum += counts.deliveries[i].load(std::memory_order_relaxed);
      const bool last = i == service::MetricCounts::kBounds.size();
      histogram.bucket.push_back(
          {sum,
           last ? std::numeric_limits<double>::infinity()
                : absl::ToDoubleSeconds(service::MetricCounts::kBounds[i])});
    }
    histogram.sample_count = sum;
    histogram.sample_sum = Read(counts.delivery_nanoseconds) / 1e9;
  }

  std::string End() const {
    return prometheus::TextSerializer().Serialize(families_);
  }

 private:
  std::vector<MetricFamily> families_;
};

void AddConnections(const service::MetricCounts& counts,
                    const MetricGauges& gauges, Text* text) {
  text->Family("postern_connections", "Connections that are open.",
               static_cast<double>(gauges.connections));
  text->Family("postern_connections_total", "Clients that have connected.",
               Read(counts.connections));
  text->Family("postern_unserved_total",
               "Connections that did not become sessions.", "reason",
               counts.unserved, kUnserved);
  text->Value(static_cast<double>(gauges.refused_admission),
              {{"reason", "no-descriptor"}});
}

void AddSessions(const service::MetricCounts& counts, Text* text) {
  text->Family("postern_sessions_total", "Sessions, by how they ended.");
  for (size_t i = 0; i < kCloseReasons; ++i) {
    text->Value(Read(counts.sessions[i]),
                {{"end", CloseReasonName(static_cast<CloseReason>(i))}});
  }
  text->Family("postern_replies_total", "Replies of sessions that have ended.",
               "class", counts.replies, kReplies);
  text->Family("postern_received_bytes_total",
               "Octets that sessions have read, counted at their ends.",
               Read(counts.bytes_in));
  text->Family("postern_sent_bytes_total",
               "Octets that sessions have written, counted at their ends.",
               Read(counts.bytes_out));
  text->Family("postern_tls_sessions_total",
               "Sessions with TLS, counted at their ends.", "protocol",
               counts.tls, kTls);
  text->Family("postern_tls_failures_total", "Failed TLS handshakes.",
               Read(counts.tls_failures));
}

void AddMail(const service::Metrics& metrics, Text* text) {
  const service::MetricCounts& counts = metrics.counts();
  text->Family("postern_recipients_total",
               "Decisions about recipients, and refusals of senders and "
               "clients.");
  for (const service::MetricCounts::Rule& rule : counts.rules) {
    for (size_t kind = 0; kind < std::size(kKinds); ++kind) {
      text->Value(Read(rule.kinds[kind]),
                  {{"rule", rule.name}, {"decision", kKinds[kind]}});
    }
  }
  text->Family("postern_noted_total",
               "Refusals without effect, of checks that only note them.");
  for (const service::MetricCounts::Rule& rule : counts.rules) {
    text->Value(Read(rule.noted), {{"rule", rule.name}});
  }
  text->Family("postern_messages_total", "Messages that have an answer.",
               "result", counts.messages, kMessages);
  text->Family("postern_destination_messages_total",
               "Messages that a destination has answered.");
  for (const auto& [name, results] : metrics.destinations()) {
    for (size_t result = 0; result < results.size(); ++result) {
      text->Value(static_cast<double>(results[result]),
                  {{"destination", name}, {"result", kMessages[result]}});
    }
  }
  text->Deliveries("postern_delivery_seconds",
                   "From the end of a message's content to its answer.",
                   counts);
  text->Family("postern_rspamd_total",
               "Messages that rspamd was asked about, by its action, or "
               "too-large or outage.",
               "action", counts.rspamd, kRspamd);
  text->Family("postern_auth_total",
               "AUTH exchanges, by mechanism and outcome.");
  for (const auto& [what, count] : metrics.auth()) {
    text->Value(static_cast<double>(count),
                {{"mechanism", what.first},
                 {"outcome", service::AuthOutcomeName(what.second)}});
  }
}

void AddNextHops(const std::vector<delivery::HopStatus>& hops, Text* text) {
  using Hop = delivery::HopStatus;
  const auto each = [&](uint64_t Hop::*value, const Labels& labels = {}) {
    for (const Hop& hop : hops) {
      Labels all = {{"server", hop.server}};
      all.insert(all.end(), labels.begin(), labels.end());
      text->Value(static_cast<double>(hop.*value), all);
    }
  };
  text->Family("postern_next_hop_up",
               "1 if the server of a next hop works, 0 if it is left out after "
               "a failure.");
  for (const Hop& hop : hops) text->Value(hop.works, {{"server", hop.server}});
  text->Family("postern_next_hop_connections",
               "Connections to a server of a next hop that are open or being "
               "made.");
  each(&Hop::open);
  text->Family("postern_next_hop_connections_used",
               "Of these, connections that serve a transaction.");
  each(&Hop::used);
  text->Family("postern_next_hop_connects_total",
               "Connections to a server of a next hop, by whether it greeted.");
  each(&Hop::opened, {{"result", "ok"}});
  each(&Hop::failed, {{"result", "failed"}});
  text->Family("postern_next_hop_waits_total",
               "Transactions that waited for a free connection to the next hop "
               "of which this is the first server.");
  each(&Hop::waits);
}

void AddDns(const policy::Resolver::Counts& counts, Text* text) {
  const auto value = [text](uint64_t count, absl::string_view label,
                            absl::string_view name) {
    text->Value(static_cast<double>(count), {{label, name}});
  };
  text->Family("postern_dns_lookups_total",
               "Look-ups of names, by what answered them.");
  value(counts.cached, "from", "cache");
  value(counts.joined, "from", "open-question");
  value(counts.lookups - counts.cached - counts.joined - counts.refused, "from",
        "question");
  value(counts.refused, "from", "limit");
  text->Family("postern_dns_questions_total",
               "Questions to name servers that have ended.");
  value(counts.answered, "result", "answer");
  value(counts.timed_out, "result", "timeout");
  value(counts.failed - counts.timed_out, "result", "failure");
  text->Family("postern_dns_questions", "Questions without an answer yet.",
               static_cast<double>(counts.open));
  text->Family("postern_dns_cache_entries", "Answers in the cache.",
               static_cast<double>(counts.cache_size));
}

void AddSharedState(const MetricGauges& gauges, Text* text) {
  text->Family("postern_shared_state_works",
               "1 if the server of --shared-state works, otherwise 0.",
               gauges.shared_state_works ? 1 : 0);
  text->Family("postern_shared_state_questions_total",
               "Questions to the server of --shared-state. The local tables "
               "have decided what it has not answered.");
  const policy::RedisStore::Counts& counts = gauges.shared_state;
  for (const auto& [count, result] : {std::pair(counts.answered, "answer"),
                                      {counts.failed, "failure"},
                                      {counts.skipped, "skipped"}}) {
    text->Value(static_cast<double>(count), {{"result", result}});
  }
}

void AddStart(absl::Time start, Text* text) {
  text->Family("postern_start_time_seconds",
               "When the process began to serve, since 1970.",
               static_cast<double>(absl::ToUnixMillis(start)) / 1e3);
  text->Family("postern_build_info", "The version of the program.");
  text->Value(1, {{"version", service::Version()}});
}

void AddProcess(const service::MetricCounts& counts, const MetricGauges& gauges,
                Text* text) {
  text->Family("postern_pool_queued", "Tasks that wait for a thread.",
               static_cast<double>(gauges.pool_queued));
  text->Family("postern_pool_running", "Threads that run a task.",
               static_cast<double>(gauges.pool_running));
  text->Family("postern_pool_threads", "Threads for tasks that block.",
               static_cast<double>(gauges.pool_threads));
  text->Family("postern_longest_turn_seconds",
               "The longest time that one client's turn kept an event loop "
               "busy.",
               absl::ToDoubleSeconds(gauges.longest_turn));
  text->Family("postern_certificate_expiry_seconds",
               "When the certificate of the file expires, since 1970.");
  for (const auto& [file, expiry] : gauges.certificates) {
    text->Value(static_cast<double>(absl::ToUnixSeconds(expiry)),
                {{"file", file}});
  }
  text->Family("postern_reloads_total", "Attempts to reload the configuration.",
               "result", counts.reloads, kReloads);
  AddStart(gauges.start, text);
}

void AddRelay(const RelayGauges& gauges, Text* text) {
  text->Family("postern_relay_connected",
               "1 if the relay takes messages from the queue, 0 if it has no "
               "connection to a broker.",
               gauges.connected ? 1 : 0);
  text->Family("postern_relay_messages",
               "Messages that the relay has and that are not acknowledged.",
               static_cast<double>(gauges.in_progress));
  text->Family("postern_relay_recipients_total",
               "Results of recipients. One that is tried again has several.");
  const auto value = [text](uint64_t count, absl::string_view result) {
    text->Value(static_cast<double>(count), {{"result", result}});
  };
  value(gauges.delivered, "deliver");
  value(gauges.retried, "retry");
  value(gauges.refused, "refused");
  value(gauges.expired, "expired");
  text->Family("postern_relay_invalid_messages_total",
               "Messages that are not of the format, and go to the dead queue.",
               static_cast<double>(gauges.invalid));
}

}  // namespace

std::string FormatMetrics(const service::Metrics& metrics,
                          const MetricGauges& gauges) {
  Text text;
  AddConnections(metrics.counts(), gauges, &text);
  AddSessions(metrics.counts(), &text);
  AddMail(metrics, &text);
  AddNextHops(gauges.next_hops, &text);
  AddDns(gauges.dns, &text);
  AddSharedState(gauges, &text);
  AddProcess(metrics.counts(), gauges, &text);
  return text.End();
}

std::string FormatRelayMetrics(const RelayGauges& gauges) {
  Text text;
  AddRelay(gauges, &text);
  AddNextHops(gauges.next_hops, &text);
  AddDns(gauges.dns, &text);
  AddStart(gauges.start, &text);
  return text.End();
}

}  // namespace postern::programs
