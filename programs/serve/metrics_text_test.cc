// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/serve/metrics_text.h"

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "service/version.h"

namespace postern::programs {
namespace {

using ::testing::HasSubstr;

// Returns the lines of `text` whose value is not 0.
std::vector<std::string> Changed(const service::Metrics& metrics) {
  std::vector<std::string> lines;
  for (absl::string_view line :
       absl::StrSplit(FormatMetrics(metrics, {}), '\n', absl::SkipEmpty())) {
    if (!absl::StartsWith(line, "#") && !absl::EndsWith(line, " 0") &&
        !absl::StartsWith(line, "postern_build_info")) {
      lines.emplace_back(line);
    }
  }
  return lines;
}

SharedTlsInfo Tls(std::string protocol) {
  return std::make_shared<const TlsInfo>(TlsInfo{std::move(protocol)});
}

TEST(MetricsTextTest, EachCountHasItsLine) {
  using Unserved = service::Metrics::Unserved;
  using Auth = service::AuthOutcome;
  const struct {
    void (*count)(service::Metrics&);
    std::vector<std::string> lines;
  } cases[] = {
      {[](service::Metrics&) {}, {}},
      {[](service::Metrics& m) { m.CountConnection(); },
       {"postern_connections_total 1"}},
      {[](service::Metrics& m) { m.CountUnserved(Unserved::kMaxConnections); },
       {"postern_unserved_total{reason=\"max-connections\"} 1"}},
      {[](service::Metrics& m) { m.CountDestination("out", true); },
       {"postern_destination_messages_total{destination=\"out\",result="
        "\"accept\"} 1"}},
      {[](service::Metrics& m) { m.CountUnserved(Unserved::kMaxPerClient); },
       {"postern_unserved_total{reason=\"max-per-client\"} 1"}},
      {[](service::Metrics& m) { m.CountUnserved(Unserved::kMaxRate); },
       {"postern_unserved_total{reason=\"max-rate\"} 1"}},
      {[](service::Metrics& m) { m.CountUnserved(Unserved::kDenied); },
       {"postern_unserved_total{reason=\"denied\"} 1"}},
      {[](service::Metrics& m) { m.CountUnserved(Unserved::kNoRules); },
       {"postern_unserved_total{reason=\"no-rules\"} 1"}},
      {[](service::Metrics& m) { m.CountUnserved(Unserved::kNoProxy); },
       {"postern_unserved_total{reason=\"no-proxy\"} 1"}},
      {[](service::Metrics& m) {
         m.CountUnserved(Unserved::kAdmissionTimeout);
       },
       {"postern_unserved_total{reason=\"admission-timeout\"} 1"}},
      {[](service::Metrics& m) { m.CountUnserved(Unserved::kProxyHeader); },
       {"postern_unserved_total{reason=\"proxy-header\"} 1"}},
      {[](service::Metrics& m) {
         SessionEnd end;
         end.reason = CloseReason::kTimeout;
         end.bytes_in = 1000;
         end.bytes_out = 200;
         end.replies = {4, 3, 2, 1};
         SessionInfo info;
         info.tls = Tls("TLSv1.3");
         m.CountSession(end, info);
       },
       {"postern_sessions_total{end=\"timeout\"} 1",
        "postern_replies_total{class=\"2xx\"} 4",
        "postern_replies_total{class=\"3xx\"} 3",
        "postern_replies_total{class=\"4xx\"} 2",
        "postern_replies_total{class=\"5xx\"} 1",
        "postern_received_bytes_total 1000", "postern_sent_bytes_total 200",
        "postern_tls_sessions_total{protocol=\"TLSv1.3\"} 1"}},
      {[](service::Metrics& m) {
         SessionEnd end;
         end.tls_error = "http request";
         m.CountSession(end, {});
       },
       {"postern_sessions_total{end=\"quit\"} 1",
        "postern_tls_failures_total 1"}},
      {[](service::Metrics& m) {
         SessionInfo info;
         for (const char* version :
              {"TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.4"}) {
           info.tls = Tls(version);
           m.CountSession({}, info);
         }
       },
       {"postern_sessions_total{end=\"quit\"} 4",
        "postern_tls_sessions_total{protocol=\"TLSv1\"} 1",
        "postern_tls_sessions_total{protocol=\"TLSv1.1\"} 1",
        "postern_tls_sessions_total{protocol=\"TLSv1.2\"} 1",
        "postern_tls_sessions_total{protocol=\"other\"} 1"}},
      {[](service::Metrics& m) {
         policy::Decision decision;
         decision.rule = "maildir";
         decision.kind = Verdict::Kind::kDrop;
         m.CountDecision(decision);
         decision.rule = "bad-address";
         decision.kind = Verdict::Kind::kRefuse;
         m.CountDecision(decision);
         decision.rule = "rcpthosts";
         decision.kind = Verdict::Kind::kAccept;
         m.CountDecision(decision);
       },
       {"postern_recipients_total{rule=\"bad-address\",decision=\"refuse\"} 1",
        "postern_recipients_total{rule=\"rcpthosts\",decision=\"accept\"} 1",
        "postern_recipients_total{rule=\"other\",decision=\"drop\"} 1"}},
      {[](service::Metrics& m) {
         m.CountMessage(true);
         m.CountMessage(true);
         m.CountMessage(false);
       },
       {"postern_messages_total{result=\"refuse\"} 1",
        "postern_messages_total{result=\"accept\"} 2"}},
      {[](service::Metrics& m) {
         m.CountAuth("PLAIN", Auth::kSuccess);
         m.CountAuth("PLAIN", Auth::kFailure);
         m.CountAuth("PLAIN", Auth::kFailure);
         m.CountAuth("LOGIN", Auth::kOutage);
         m.CountAuth("LOGIN", Auth::kLimit);
       },
       {"postern_auth_total{mechanism=\"LOGIN\",outcome=\"outage\"} 1",
        "postern_auth_total{mechanism=\"LOGIN\",outcome=\"limit\"} 1",
        "postern_auth_total{mechanism=\"PLAIN\",outcome=\"success\"} 1",
        "postern_auth_total{mechanism=\"PLAIN\",outcome=\"failure\"} 2"}},
      {[](service::Metrics& m) {
         m.CountReload(true);
         m.CountReload(false);
         m.CountReload(false);
       },
       {"postern_reloads_total{result=\"failed\"} 2",
        "postern_reloads_total{result=\"ok\"} 1"}},
  };
  for (const auto& c : cases) {
    constexpr absl::string_view kRules[] = {"bad-address", "rcpthosts"};
    service::Metrics metrics(kRules);
    c.count(metrics);
    EXPECT_EQ(Changed(metrics), c.lines);
  }
}

TEST(MetricsTextTest, DeliveriesAreCountedInBuckets) {
  service::Metrics metrics;
  metrics.CountDelivery(absl::ZeroDuration());
  metrics.CountDelivery(absl::Milliseconds(1));  // a bound is in its bucket
  metrics.CountDelivery(absl::Microseconds(1001));
  metrics.CountDelivery(absl::Milliseconds(700));
  metrics.CountDelivery(absl::Seconds(1000));
  const std::string text = FormatMetrics(metrics, {});
  const struct {
    const char* bound;
    int count;
  } cases[] = {{"0.001", 2}, {"0.0025", 3}, {"0.005", 3}, {"0.5", 3},
               {"1", 4},     {"10", 4},     {"300", 4},   {"+Inf", 5}};
  for (const auto& c : cases) {
    EXPECT_THAT(text,
                HasSubstr(absl::StrCat("postern_delivery_seconds_bucket{le=\"",
                                       c.bound, "\"} ", c.count, "\n")));
  }
  EXPECT_THAT(text, HasSubstr("postern_delivery_seconds_count 5\n"));
  EXPECT_THAT(text, HasSubstr("postern_delivery_seconds_sum 1000.702001"));
}

TEST(MetricsTextTest, GaugesHaveTheirValues) {
  const std::string text =
      FormatMetrics(service::Metrics(),
                    {.connections = 1,
                     .refused_admission = 2,
                     .pool_queued = 3,
                     .pool_running = 4,
                     .pool_threads = 5,
                     .dns = {.lookups = 100,
                             .cached = 50,
                             .joined = 20,
                             .refused = 10,
                             .questions = 20,
                             .answered = 11,
                             .failed = 7,
                             .timed_out = 4,
                             .open = 2,
                             .cache_size = 18},
                     .next_hops = {{.server = "192.0.2.1:25",
                                    .works = false,
                                    .open = 3,
                                    .used = 2,
                                    .opened = 9,
                                    .failed = 4,
                                    .waits = 5},
                                   {.server = "unix:/lmtp"}},
                     .shared_state_works = true,
                     .shared_state = {.answered = 8, .failed = 6, .skipped = 7},
                     .certificates = {{"/mx.pem", absl::FromUnixSeconds(17)}},
                     .longest_turn = absl::Microseconds(2500),
                     .start = absl::FromUnixMillis(1'500)});
  for (absl::string_view line :
       {"# TYPE postern_connections gauge",
        "postern_connections 1",
        "postern_unserved_total{reason=\"no-descriptor\"} 2",
        "postern_pool_queued 3",
        "postern_pool_running 4",
        "postern_pool_threads 5",
        "postern_longest_turn_seconds 0.0025",
        "postern_dns_lookups_total{from=\"cache\"} 50",
        "postern_dns_lookups_total{from=\"open-question\"} 20",
        "postern_dns_lookups_total{from=\"question\"} 20",
        "postern_dns_lookups_total{from=\"limit\"} 10",
        "postern_dns_questions_total{result=\"answer\"} 11",
        "postern_dns_questions_total{result=\"timeout\"} 4",
        "postern_dns_questions_total{result=\"failure\"} 3",
        "postern_dns_questions 2",
        "postern_dns_cache_entries 18",
        "postern_next_hop_up{server=\"192.0.2.1:25\"} 0",
        "postern_next_hop_up{server=\"unix:/lmtp\"} 1",
        "postern_next_hop_connections{server=\"192.0.2.1:25\"} 3",
        "postern_next_hop_connections_used{server=\"192.0.2.1:25\"} 2",
        "postern_next_hop_connects_total{server=\"192.0.2.1:25\",result=\"ok\"}"
        " 9",
        "postern_next_hop_connects_total{server=\"192.0.2.1:25\",result="
        "\"failed\"} 4",
        "postern_next_hop_waits_total{server=\"192.0.2.1:25\"} 5",
        "postern_shared_state_works 1",
        "postern_shared_state_questions_total{result=\"answer\"} 8",
        "postern_shared_state_questions_total{result=\"failure\"} 6",
        "postern_shared_state_questions_total{result=\"skipped\"} 7",
        "postern_certificate_expiry_seconds{file=\"/mx.pem\"} 17",
        "postern_start_time_seconds 1.5"}) {
    EXPECT_THAT(text, HasSubstr(absl::StrCat(line, "\n")));
  }
  EXPECT_THAT(text, HasSubstr(absl::StrCat("postern_build_info{version=\"",
                                           service::Version(), "\"} 1\n")));
}

TEST(MetricsTextTest, RelayHasItsValues) {
  const std::string text =
      FormatRelayMetrics({.connected = true,
                          .in_progress = 2,
                          .delivered = 3,
                          .retried = 4,
                          .refused = 5,
                          .expired = 6,
                          .invalid = 7,
                          .dns = {.lookups = 60, .cached = 50},
                          .next_hops = {{.server = "unix:/lmtp"}},
                          .start = absl::FromUnixMillis(1'500)});
  for (absl::string_view line :
       {"postern_relay_connected 1", "postern_relay_messages 2",
        "# TYPE postern_relay_recipients_total counter",
        "postern_relay_recipients_total{result=\"deliver\"} 3",
        "postern_relay_recipients_total{result=\"retry\"} 4",
        "postern_relay_recipients_total{result=\"refused\"} 5",
        "postern_relay_recipients_total{result=\"expired\"} 6",
        "postern_relay_invalid_messages_total 7",
        "postern_dns_lookups_total{from=\"cache\"} 50",
        "postern_next_hop_up{server=\"unix:/lmtp\"} 1",
        "postern_start_time_seconds 1.5"}) {
    EXPECT_THAT(text, HasSubstr(absl::StrCat(line, "\n")));
  }
}

// As Prometheus requires: help, type, then the lines with that name, each once.
TEST(MetricsTextTest, EachNameIsExplainedOnce) {
  std::set<std::string> names;
  std::set<std::string> series;
  std::string name;
  const std::string text = FormatMetrics(service::Metrics(), {});
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ');
    if (words[0] == "#" && words[1] == "HELP") {
      name = words[2];
      EXPECT_TRUE(names.insert(name).second) << line;
      EXPECT_TRUE(absl::EndsWith(line, ".")) << line;
    } else if (words[0] == "#") {
      EXPECT_EQ(words[1], "TYPE");
      EXPECT_EQ(words[2], name);
      EXPECT_EQ(words[3] == "counter", absl::EndsWith(name, "_total")) << line;
    } else {
      EXPECT_TRUE(absl::StartsWith(line, name)) << line;
      EXPECT_TRUE(series.insert(words[0]).second) << line;
      double value = 0;
      EXPECT_TRUE(absl::SimpleAtod(words[1], &value)) << line;
    }
  }
  EXPECT_EQ(names.size(), 35u);
}

}  // namespace
}  // namespace postern::programs
