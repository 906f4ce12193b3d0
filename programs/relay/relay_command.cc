// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/relay/relay_command.h"

#include <limits.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "delivery/amqp/amqp_address.h"
#include "delivery/amqp/amqp_connection.h"
#include "delivery/forward/hop_loop.h"
#include "delivery/forward/next_hop.h"
#include "engine/delivery.h"
#include "log/log.h"
#include "log/log_line.h"
#include "net/event_loop.h"
#include "net/listening_socket.h"
#include "net/thread_pool.h"
#include "policy/names/resolver.h"
#include "programs/relay/forwarded_message.h"
#include "programs/relay/relay.h"
#include "programs/serve/forward.h"
#include "programs/serve/metrics_server.h"
#include "programs/serve/metrics_text.h"
#include "service/destination.h"
#include "service/mail_options.h"
#include "service/options.h"
#include "system/session_variables.h"

namespace postern::programs {
namespace {

constexpr char kProgram[] = "postern relay";
// Exit codes of D. J. Bernstein's programs: permanent and temporary failure.
constexpr int kUsage = 100;
constexpr int kTemporary = 111;

constexpr char kDelays[] = "60,300,1800,3600";
constexpr int kMaxDelay = 86400;
constexpr int kExpiry = 432000;  // 5 days (RFC 5321 4.5.4.1)

constexpr char kHead[] =
    "Usage: postern relay --from QUEUE --to NEXTHOP [OPTION]...\n"
    "\n"
    "Takes messages that postern serve --deliver amqp: has published, and\n"
    "forwards them. What the next hop refuses for now comes back after a\n"
    "delay. What it refuses permanently goes to the queue NAME.dead.\n"
    "\n";
constexpr char kFoot[] = "\nSee postern-relay(8).\n";

constexpr service::OptionRow kRows[] = {
    service::kHelpRow,
    service::kVersionRow,
    {"config", "FILE", "more options: lines \"name = value\"",
     service::OptionRow::From::kCommandLine},
    {"from", "QUEUE",
     "the queue, as --deliver of postern serve names it:\n"
     "amqp:HOST[,...],queue=NAME,auth=FILE"},
    {"to", "NEXTHOP",
     "the next hop, as --deliver of postern serve names it:\n"
     "lmtp:SERVER[,...], smtp:SERVER[,...] or smtps:"},
    {"name", "NAME",
     "the name of this host for the next hop\n"
     "[the name that hostname(1) prints]"},
    {"prefetch", "N [10]", "messages in memory at one time"},
    {"delays", "SECONDS[,...] [60,300,1800,3600]",
     "after the first, the second and further attempts\n"
     "that a 4yz has ended; the last delay repeats"},
    {"expire", "SECONDS [432000]", "age at which a message is not tried again"},
    {"drain", "SECONDS [60]", "time for messages in progress at the end"},
    {"resolver", "ADDRESS[:PORT]", "a name server [resolv.conf(5)]",
     service::OptionRow::From::kAnywhere, /*many=*/true},
    {"metrics", "ADDRESS:PORT",
     "answer /metrics (Prometheus) and /healthz at this\n"
     "address"},
    service::kLogFormatRow,
};

struct RelayOptions {
  delivery::AmqpAddress from;
  delivery::NextHop to;
  std::string name;
  std::vector<int> delays;
  int prefetch = 0;
  int expire = 0;
  int drain = 0;
  std::vector<std::string> resolvers;
  std::optional<net::ListenAddress> metrics;
  log::LogFormat log_format = log::LogFormat::kLogfmt;
};

std::string HostName() {
  char name[HOST_NAME_MAX + 1] = {};
  return gethostname(name, sizeof(name) - 1) == 0 ? name : "";
}

void ReadDelays(service::Options* given, std::vector<int>* delays) {
  const std::string text = given->Text("delays", kDelays);
  for (const absl::string_view part : absl::StrSplit(text, ',')) {
    int seconds = 0;
    if (!absl::SimpleAtoi(part, &seconds) || seconds < 1 ||
        seconds > kMaxDelay) {
      given->Mistake(absl::StrCat("--delays: \"", part,
                                  "\" is not a number of seconds from 1 to ",
                                  kMaxDelay));
      return;
    }
    delays->push_back(seconds);
  }
}

RelayOptions ReadOptions(service::Options* given) {
  RelayOptions options;
  const std::string from = given->Text("from", "");
  const std::string to = given->Text("to", "");
  const auto parsed = service::QueueOf(from);
  if (parsed.ok()) {
    options.from = *parsed;
  } else {
    given->Mistake(absl::StrCat("--from: ", parsed.status().message()));
  }
  auto hop = service::NextHopOf(to);
  if (!hop.ok()) {
    given->Mistake(absl::StrCat("--to: ", hop.status().message()));
  } else if (hop->xclient || hop->proxy) {
    given->Mistake(
        "--to: xclient and proxy are for a client that is connected; the "
        "messages of a queue have none");
  } else {
    options.to = *std::move(hop);
  }
  options.name = given->Text("name", HostName());
  if (options.name.empty()) given->Mistake("--name is missing");
  ReadDelays(given, &options.delays);
  options.prefetch = given->Number("prefetch", 10, 1, 1000);
  options.expire = given->Number("expire", kExpiry, 1, 100 * kMaxDelay);
  options.drain = given->Number("drain", 60, 0, 3600);
  options.resolvers = given->List("resolver");
  if (const std::string text = given->Text("metrics", ""); !text.empty()) {
    auto address = net::ListenAddress::Parse(text);
    if (address.ok()) {
      options.metrics = *std::move(address);
    } else {
      given->Mistake(absl::StrCat("--metrics: ", address.status().message()));
    }
  }
  options.log_format = given->Choice<log::LogFormat>(
      "log-format", log::LogFormat::kLogfmt,
      {{"logfmt", log::LogFormat::kLogfmt}, {"json", log::LogFormat::kJson}});
  if (!given->operands().empty()) {
    given->Mistake(absl::StrCat("unexpected \"", given->operands()[0], "\""));
  }
  return options;
}

// SIGTERM and SIGINT, which are blocked in all threads. Thread-safe.
class StopSignals {
 public:
  StopSignals() {
    sigemptyset(&signals_);
    for (const int signal : {SIGTERM, SIGINT}) sigaddset(&signals_, signal);
    sigprocmask(SIG_BLOCK, &signals_, nullptr);
  }
  // Waits for a signal, at most for `wait`.
  void Wait(absl::Duration wait) {
    // In pieces, because another thread may get the signal.
    const absl::Time end = absl::Now() + wait;
    do {
      const timespec moment = absl::ToTimespec(std::clamp(
          end - absl::Now(), absl::ZeroDuration(), absl::Milliseconds(500)));
      if (!stopped_ && sigtimedwait(&signals_, nullptr, &moment) > 0) {
        stopped_ = true;
        log::WriteLog("shutting down");
      }
    } while (!stopped_ && absl::Now() < end);
  }
  bool Stopped() {
    Wait(absl::ZeroDuration());
    return stopped_;
  }

 private:
  sigset_t signals_;
  std::atomic<bool> stopped_ = false;
};

int Fail(const absl::Status& status) {
  log::WriteLog("fatal", status.message());
  return kTemporary;
}

// Answers requests at `where` until the server is destroyed. `resolver` may be
// null.
absl::StatusOr<std::unique_ptr<MetricsServer>> ServeMetrics(
    const net::ListenAddress& where, const Relay& relay,
    const delivery::Forwarding& forwarding, const policy::Resolver* resolver) {
  auto server = std::make_unique<MetricsServer>(
      [&counts = relay.counts(), &forwarding, resolver, start = absl::Now()] {
        return FormatRelayMetrics({.connected = counts.connected,
                                   .in_progress = counts.in_progress,
                                   .delivered = counts.delivered,
                                   .retried = counts.retried,
                                   .refused = counts.refused,
                                   .expired = counts.expired,
                                   .invalid = counts.invalid,
                                   .dns = resolver == nullptr
                                              ? policy::Resolver::Counts()
                                              : resolver->counts(),
                                   .next_hops = forwarding.Status(),
                                   .start = start});
      });
  const auto address = server->Listen(where);
  absl::Status status = address.status();
  if (status.ok()) status = server->Start();
  if (!status.ok()) {
    return absl::Status(status.code(),
                        absl::StrCat("--metrics: ", status.message()));
  }
  log::WriteLog(absl::StrCat("metrics at ", address->Format()));
  return server;
}

int Run(const RelayOptions& options) {
  log::SetLogFormat(options.log_format);
  signal(SIGPIPE, SIG_IGN);
  StopSignals signals;
  // A mistake in the file is an error now, and an outage later.
  const auto credentials = delivery::ReadAmqpCredentials(options.from.auth);
  if (!credentials.ok()) return Fail(credentials.status());
  std::unique_ptr<policy::Resolver> resolver;
  if (WithHostsFile(options.to).has_names()) {
    auto made = policy::Resolver::Make({.servers = options.resolvers});
    if (!made.ok()) return Fail(made.status());
    resolver = *std::move(made);
    if (absl::Status status = resolver->Start(); !status.ok()) {
      return Fail(status);
    }
  }
  net::ThreadPool pool;  // for programs that get tokens
  if (absl::Status status = pool.Start(/*threads=*/1, "token"); !status.ok()) {
    return Fail(status);
  }
  // Destroyed after `forwarding`, whose event loop uses it.
  std::unique_ptr<Delivery> delivery;
  delivery::Forwarding forwarding(ResolveWith(resolver.get()));
  absl::StatusOr<std::unique_ptr<Delivery>> made = ForwardWith(
      {.forwarding = &forwarding,
       .threads = false,
       .run =
           [&pool](net::ThreadPool::Task task) { pool.Run(std::move(task)); },
       .environment = system::ServiceVariables(environ, {}),
       .user = ""})(options.to, options.name, /*rule=*/"relay",
                    /*threads=*/false);
  if (!made.ok()) return Fail(made.status());
  delivery = *std::move(made);
  const absl::StatusOr<net::EventLoop*> loop = forwarding.OwnLoop();
  if (!loop.ok()) return Fail(loop.status());

  std::unique_ptr<MetricsServer> metrics;
  Relay relay(
      {.queue = options.from.queue,
       .delays = options.delays,
       .expiry = absl::Seconds(options.expire),
       .drain = absl::Seconds(options.drain),
       .forward =
           [loop = *loop, to = delivery.get()](
               const delivery::QueuedMessage& message,
               std::shared_ptr<const std::string> content, Forwarded done) {
             loop->Post([loop, to, message, content = std::move(content),
                         done = std::move(done)]() mutable {
               ForwardMessage(loop, to, message, std::move(content),
                              std::move(done));
             });
           },
       .now = absl::Now,
       .stopped =
           [&signals, &metrics] {
             const bool stopped = signals.Stopped();
             if (metrics == nullptr) return stopped;
             stopped ? metrics->SayStopping() : metrics->SayAlive();
             return stopped;
           },
       .sleep = [&signals](absl::Duration wait) { signals.Wait(wait); }});
  if (options.metrics) {
    auto serving =
        ServeMetrics(*options.metrics, relay, forwarding, resolver.get());
    if (!serving.ok()) return Fail(serving.status());
    metrics = *std::move(serving);
  }
  const absl::Status status = relay.Run(delivery::ConnectWith(
      {.address = options.from,
       .credentials =
           [file = options.from.auth] {
             return delivery::ReadAmqpCredentials(file);
           },
       .retries = options.delays,
       .prefetch = static_cast<uint16_t>(options.prefetch)}));
  metrics.reset();  // it reads the others
  if (resolver != nullptr) resolver->Stop();
  const int code = status.ok() ? 0 : Fail(status);
  // A program that gets a token may still run, and its answer would come after
  // the end of the event loop. Nothing depends on it.
  if (!options.to.auth_file.empty()) _exit(code);
  return code;
}

}  // namespace

int RunRelay(int argc, const char* const* argv) {
  service::Options given(kRows);
  given.Read({argv, static_cast<size_t>(argc)}, getenv);
  if (given.AnswerHelp(kProgram, kHead, kFoot)) return 0;
  const RelayOptions options = ReadOptions(&given);
  if (given.Complain(kProgram)) return kUsage;
  return Run(options);
}

}  // namespace postern::programs
