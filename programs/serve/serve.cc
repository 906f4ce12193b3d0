// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/serve/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "auth/backend.h"
#include "auth/pooled_authenticator.h"
#include "auth/user_key.h"
#include "delivery/forward/hop_loop.h"
#include "delivery/pooled_delivery.h"
#include "delivery/routed_delivery.h"
#include "engine/delivery.h"
#include "engine/grammar/ip_address.h"
#include "engine/grammar/reply.h"
#include "engine/session_info.h"
#include "engine/verdict.h"
#include "log/background_log.h"
#include "log/log.h"
#include "log/log_line.h"
#include "net/event_loop.h"
#include "net/task_timer.h"
#include "net/thread_pool.h"
#include "net/tls_certificate.h"
#include "policy/check_list.h"
#include "policy/greylisting/greylist_file.h"
#include "policy/greylisting/greylist_table.h"
#include "policy/limits/attempt_counter.h"
#include "policy/limits/attempt_limits.h"
#include "policy/limits/connection_limits.h"
#include "policy/limits/rate_counter.h"
#include "policy/limits/rate_limits.h"
#include "policy/names/host_names.h"
#include "policy/names/resolver.h"
#include "policy/rule_facts.h"
#include "policy/shared/redis_store.h"
#include "policy/shared/shared_attempts.h"
#include "policy/shared/shared_greylist.h"
#include "policy/shared/shared_rates.h"
#include "policy/spf/spf_over_dns.h"
#include "programs/serve/background_task.h"
#include "programs/serve/certificate_watch.h"
#include "programs/serve/current_snapshot.h"
#include "programs/serve/forward.h"
#include "programs/serve/mail_session_host.h"
#include "programs/serve/metrics_server.h"
#include "programs/serve/metrics_text.h"
#include "programs/serve/partial.h"
#include "programs/serve/preflight.h"
#include "programs/serve/publish.h"
#include "programs/serve/rspamd.h"
#include "programs/serve/server_end.h"
#include "programs/serve/service_snapshot.h"
#include "programs/serve/systemd.h"
#include "recording/recordings.h"
#include "service/destination.h"
#include "service/finding.h"
#include "service/guarded_authenticator.h"
#include "service/library_backends.h"
#include "service/mail_service.h"
#include "service/messages_in_progress.h"
#include "service/metrics.h"
#include "service/named_destination.h"
#include "service/named_session.h"
#include "service/options.h"
#include "service/rate_limited_delivery.h"
#include "service/route_list.h"
#include "service/rules_file.h"
#include "service/version.h"
#include "system/bounded_run.h"
#include "system/child_reaper.h"
#include "system/run.h"
#include "system/standard_descriptors.h"
#include "transports/server.h"
#include "transports/service.h"

namespace postern::programs {
namespace {

// Threads that read the rules for new clients, at most.
constexpr int kRulesThreads = 8;
constexpr int kUsage = 100;      // djb's tools: it stays until it is corrected
constexpr int kTemporary = 111;  // try again
// How often to check that the event loops work, for MetricsServer. Must be
// shorter than MetricsServer::kPatience.
constexpr absl::Duration kLookInterval = absl::Seconds(2);
// How long the thread of --shared-state may take to end.
constexpr std::chrono::milliseconds kSharedStateEnd(500);

absl::string_view RefusalName(policy::ConnectionLimits::Refusal refusal) {
  switch (refusal) {
    case policy::ConnectionLimits::Refusal::kTooManyInAll:
      return "max-connections";
    case policy::ConnectionLimits::Refusal::kTooManyFromClient:
      return "max-per-client";
    case policy::ConnectionLimits::Refusal::kTooFast:
      return "max-rate";
  }
  return "";
}

// Returns the state that this server has in common with others, or null. It is
// not started, and has no password yet.
std::unique_ptr<policy::RedisStore> MakeSharedState(
    const ServeOptions& options) {
  if (!options.shared_state) return nullptr;
  return std::make_unique<policy::RedisStore>(policy::RedisStore::Options{
      .access = {.address = *options.shared_state},
      .timeout = absl::ToChronoMilliseconds(options.shared_state->timeout),
      .report = [](bool works, const std::string& text) {
        log::WriteLog("shared-state",
                      works ? text
                            : absl::StrCat(text,
                                           ": this server counts alone until "
                                           "it works"));
      }});
}

// Returns a function that runs tasks on the thread of `loop`.
std::function<void(absl::AnyInvocable<void() &&>)> RunOn(net::EventLoop* loop) {
  return [loop](absl::AnyInvocable<void() &&> task) {
    loop->Post(std::move(task));
  };
}

// Logs a connection that does not become a session.
void LogUnserved(absl::string_view end, const SessionInfo& peer) {
  log::WriteLog(log::LogLine("session", log::LineStyle(), {peer.session_id})
                    .Word("end", end)
                    .Ip("ip", peer.remote_address));
}

service::Metrics::Unserved Reason(policy::ConnectionLimits::Refusal refusal) {
  switch (refusal) {
    case policy::ConnectionLimits::Refusal::kTooManyInAll:
      return service::Metrics::Unserved::kMaxConnections;
    case policy::ConnectionLimits::Refusal::kTooManyFromClient:
      return service::Metrics::Unserved::kMaxPerClient;
    case policy::ConnectionLimits::Refusal::kTooFast:
      break;
  }
  return service::Metrics::Unserved::kMaxRate;
}

Reply TooMany() {
  return {421, {4, 3, 2}, "too many connections, try again later (#4.3.2)"};
}

// Without rules nothing is known of what the client may do.
Reply NoRules() { return {421, {4, 3, 0}, "unable to read controls (#4.3.0)"}; }

int64_t MonotonicNanoseconds() {
  return std::chrono::steady_clock::now().time_since_epoch() /
         std::chrono::nanoseconds(1);
}

// Returns the names by which decisions are counted.
std::vector<absl::string_view> RuleNames() {
  std::vector<absl::string_view> names;
  for (const policy::CheckEntry& check : policy::CheckList()) {
    // A check of two stages is one rule.
    if (std::count(names.begin(), names.end(), check.row.rule) == 0) {
      names.push_back(check.row.rule);
    }
  }
  for (const service::DeliveryRow& row : service::DeliveryRows())
    names.push_back(row.kind);
  names.push_back(service::kRateLimitRule);
  names.push_back(delivery::kRoutesRule);
  return names;
}

// Stops a resolver, which may be null, at the end of a scope.
class StoppedResolver {
 public:
  explicit StoppedResolver(policy::Resolver* resolver) : resolver_(resolver) {}
  StoppedResolver(const StoppedResolver&) = delete;
  StoppedResolver& operator=(const StoppedResolver&) = delete;
  ~StoppedResolver() {
    if (resolver_ != nullptr) resolver_->Stop();
  }

 private:
  policy::Resolver* const resolver_;
};

// Admits clients by the limits and the rules, and serves them with the newest
// ServiceSnapshot.
class Host : public transports::Service, public ClientLookup {
 public:
  // `names` is null if host names are not looked up; its resolver must stop
  // before the server is destroyed. `run` runs tasks that block. `metrics` may
  // be null, and so may `recordings`.
  Host(const ServeOptions& options,
       std::shared_ptr<const ServiceSnapshot> snapshot,
       policy::HostNames* names, system::Run run, service::Metrics* metrics,
       recording::Recordings* recordings)
      : names_(names),
        metrics_(metrics),
        recordings_(recordings),
        run_(std::move(run)),
        limits_(options.limits),
        rules_(options.rules.empty()
                   ? nullptr
                   : std::make_unique<service::RulesFile>(
                         options.rules, options.rules_optional,
                         options.host_names, /*warned=*/true)),
        snapshot_(std::move(snapshot)) {
    if (rules_ == nullptr) return;
    // The preflight has logged the warnings about these rules.
    const auto rules = rules_->Get();
    if (!rules.ok()) log::WriteLog("rules", rules.status().message());
  }

  // Assigns the next listener of the server to the --listen with the index
  // `option`. To be called before the server starts.
  void AddListener(size_t option) { option_of_.push_back(option); }

  void Replace(std::shared_ptr<const ServiceSnapshot> snapshot) {
    snapshot_.Replace(std::move(snapshot));
  }

  service::Metrics* metrics() const { return metrics_; }  // perhaps null
  std::shared_ptr<const ServiceSnapshot> snapshot() const {
    return snapshot_.Get();
  }

  bool IsProxy(const SessionInfo& peer) override {
    // A peer without an address uses a Unix socket, whose permissions control
    // who can connect.
    const bool is =
        !peer.remote_address ||
        snapshot_.Get()->options.proxies.Contains(peer.remote_address);
    if (!is) {
      CountUnserved(service::Metrics::Unserved::kNoProxy);
      LogUnserved("no-proxy", peer);
    }
    return is;
  }

  void OnProxyRefused(const SessionInfo& peer, absl::string_view why) override {
    CountUnserved(service::Metrics::Unserved::kProxyHeader);
    log::WriteLog(log::LogLine("session", log::LineStyle(), {peer.session_id})
                      .Word("end", "proxy-header")
                      .Ip("ip", peer.remote_address)
                      .Sentence("reason", why, log::kMaxLoggedName));
  }

  void OnListenerFailed(size_t, const absl::Status& why) override {
    log::WriteLog(
        "warning",
        absl::StrCat(why.message(), ": no more clients are accepted there"));
  }

  void Admit(size_t listener, SessionInfo info, Admitted done) override {
    if (metrics_ != nullptr) metrics_->CountConnection();
    auto slot = limits_.Admit(info.remote_address, MonotonicNanoseconds());
    if (const auto* refusal =
            std::get_if<policy::ConnectionLimits::Refusal>(&slot)) {
      CountUnserved(Reason(*refusal));
      log::WriteLog(log::LogLine("session", log::LineStyle(), {info.session_id})
                        .Word("end", "overload")
                        .Word("limit", RefusalName(*refusal))
                        .Ip("ip", info.remote_address));
      transports::Admission admission;
      admission.refusal = TooMany();
      admission.info = std::move(info);
      return std::move(done)(std::move(admission));
    }
    LookUp(
        std::move(info),
        [this, listener, since = MonotonicNanoseconds(),
         slot = std::get<policy::ConnectionLimits::Slot>(std::move(slot)),
         done = std::move(done)](
            SessionInfo info, absl::StatusOr<policy::RuleFacts> rules) mutable {
          Welcome({listener, std::move(info), std::move(slot), since,
                   std::move(done)},
                  std::move(rules));
        });
  }

 private:
  struct Arrival {
    size_t listener = 0;
    SessionInfo info;
    policy::ConnectionLimits::Slot slot;
    int64_t since;  // MonotonicNanoseconds()
    Admitted done;
  };
  // What names and rules say about a client.
  using LookedUp =
      absl::AnyInvocable<void(SessionInfo,
                              absl::StatusOr<policy::RuleFacts>) &&>;

  // XCLIENT has named a client.
  void Find(const SharedSessionInfo& client, Done done) override {
    auto slot = limits_.Admit(client->remote_address, MonotonicNanoseconds());
    if (const auto* refusal =
            std::get_if<policy::ConnectionLimits::Refusal>(&slot)) {
      return std::move(done)(
          Verdict::Drop(TooMany()).By(RefusalName(*refusal)));
    }
    LookUp(
        *client,
        [slot = std::get<policy::ConnectionLimits::Slot>(std::move(slot)),
         done = std::move(done)](
            SessionInfo info, absl::StatusOr<policy::RuleFacts> rules) mutable {
          if (!rules.ok()) {
            return std::move(done)(
                Verdict::Drop(NoRules())
                    .By("tcprules")
                    .From(std::string(rules.status().message())));
          }
          std::move(done)(Found{std::move(info.remote_name), info.name_status,
                                *std::move(rules), std::move(slot)});
        });
  }

  // Reading the rules may block, so neither an event loop nor the thread of the
  // host names does it.
  void LookUp(SessionInfo info, LookedUp done) {
    // A proxy may have named the host.
    if (names_ == nullptr || !info.remote_address ||
        info.name_status != NameStatus::kNone) {
      return LookAtRules(std::move(info), std::move(done));
    }
    const IpAddress address = *info.remote_address;
    names_->Lookup(address,
                   [this, info = std::move(info),
                    done = std::move(done)](policy::HostName name) mutable {
                     info.remote_name = std::move(name.name);
                     info.name_status = name.status;
                     LookAtRules(std::move(info), std::move(done));
                   });
  }

  void LookAtRules(SessionInfo info, LookedUp done) {
    auto look = [this, info = std::move(info),
                 done = std::move(done)]() mutable {
      const std::string session = info.session_id;
      const log::LogScope scope({session});
      absl::StatusOr<policy::RuleFacts> rules = FactsOf(info);
      if (rules.ok() && !rules->strictness) {
        rules->strictness =
            snapshot_.Get()->options.lenient.Of(info.remote_address);
      }
      std::move(done)(std::move(info), std::move(rules));
    };
    if (rules_ == nullptr) return look();
    run_(std::move(look));
  }

  void CountUnserved(service::Metrics::Unserved why) {
    if (metrics_ != nullptr) metrics_->CountUnserved(why);
  }

  void Welcome(Arrival arrival, absl::StatusOr<policy::RuleFacts> rules) {
    transports::Admission admission;
    if (absl::Nanoseconds(MonotonicNanoseconds() - arrival.since) >
        admission_timeout_) {
      // The server has already refused it.
      CountUnserved(service::Metrics::Unserved::kAdmissionTimeout);
      LogUnserved("admission-timeout", arrival.info);
    } else if (!rules.ok()) {
      // Without rules it is unknown whether the client may be served.
      CountUnserved(service::Metrics::Unserved::kNoRules);
      log::WriteLog("rules", rules.status().message());
      admission.refusal = NoRules();
    } else if (rules->denied && snapshot_.Get()->options.silent_deny) {
      CountUnserved(service::Metrics::Unserved::kDenied);
      LogUnserved("denied", arrival.info);
    } else {
      rules->Apply(&arrival.info);
      admission.host = MakeSession(&arrival, *rules);
    }
    admission.info = std::move(arrival.info);
    std::move(arrival.done)(std::move(admission));
  }

  std::shared_ptr<transports::SessionHost> MakeSession(
      Arrival* arrival, const policy::RuleFacts& rules) {
    const size_t option = option_of_[arrival->listener];
    auto recorder = recordings_ == nullptr ? nullptr : recordings_->Record();
    const auto snapshot = snapshot_.Get();
    if (recorder == nullptr) {
      return std::make_shared<MailSessionHost>(
          snapshot, option, rules, std::move(arrival->slot), metrics_,
          arrival->info.remote_address, snapshot->options.xclient_peers, this);
    }
    return std::make_shared<RecordedSessionHost>(
        std::move(recorder), snapshot, option, rules, std::move(arrival->slot),
        metrics_, arrival->info.remote_address, snapshot->options.xclient_peers,
        this);
  }

  // Returns what the rules grant or deny to a client.
  absl::StatusOr<policy::RuleFacts> FactsOf(const SessionInfo& info) {
    if (rules_ == nullptr) return policy::RuleFacts();
    const auto rules = rules_->Get();
    if (!rules.ok()) return rules.status();
    if (*rules == nullptr) return policy::RuleFacts();
    const auto match = (*rules)->Find(info);
    if (!match.ok()) return match.status();
    return policy::ReadRuleFacts(*match, info.remote_address);
  }

  const absl::Duration admission_timeout_ = SessionTimes().admission_timeout;
  std::vector<size_t> option_of_;  // by listener
  policy::HostNames* const names_;
  service::Metrics* const metrics_;
  recording::Recordings* const recordings_;
  const system::Run run_;
  policy::ConnectionLimits limits_;
  const std::unique_ptr<service::RulesFile> rules_;
  CurrentSnapshot snapshot_;
};

// Raises the limit of descriptors to the maximum: a session needs one, and a
// queue program or a Maildir needs some more.
void RaiseDescriptors() {
  rlimit files = {};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &files);  // on failure, the old limit
}

// Opens the listeners of the options, and adds their addresses to `addresses`
// and the errors to `findings`.
void Listen(const ServeOptions& options,
            std::map<std::string, std::vector<int>> passed,
            transports::Server* server, Host* host,
            std::vector<std::string>* addresses, service::Findings* findings) {
  for (size_t i = 0; i < options.listen.size(); ++i) {
    const ListenOption& listen = options.listen[i];
    std::vector<absl::StatusOr<net::ListenAddress>> bound;
    if (listen.passed.empty()) {
      bound.push_back(server->Listen(listen.address, listen.options));
    }
    for (int socket : passed[listen.passed]) {
      bound.push_back(server->Adopt(socket, listen.options));
    }
    if (!listen.passed.empty() && bound.empty()) {
      findings->AddError(
          absl::StrCat("--listen: no socket is passed as ", listen.passed));
    }
    for (const auto& address : bound) {
      if (address.ok()) {
        host->AddListener(i);
        addresses->push_back(address->Format());
      } else {
        findings->AddError(
            absl::StrCat("--listen: ", address.status().message()));
      }
    }
  }
}

// Returns the addresses whose texts ListenAddress::Format() has returned.
std::vector<net::ListenAddress> Parsed(const std::vector<std::string>& texts) {
  std::vector<net::ListenAddress> addresses;
  for (const std::string& text : texts) {
    if (auto address = net::ListenAddress::Parse(text); address.ok()) {
      addresses.push_back(*std::move(address));
    }
  }
  return addresses;
}

std::vector<std::pair<std::string, absl::Time>> ExpiriesOf(
    const ServiceSnapshot& snapshot) {
  std::vector<std::pair<std::string, absl::Time>> expiries;
  for (const net::TlsCertificate* each : snapshot.Certificates()) {
    expiries.emplace_back(each->file(), each->not_after());
  }
  return expiries;
}

// Returns a server that listens at `*where`, and that the caller starts. It
// must be destroyed before the objects that it reads. `resolver` and `shared`
// may be null.
absl::StatusOr<std::unique_ptr<MetricsServer>> MakeMetricsServer(
    const ServeOptions& options, const service::Metrics& metrics,
    const transports::Server& server, const Host& host,
    const net::ThreadPool& pool, const delivery::Forwarding& forwarding,
    const policy::Resolver* resolver, const policy::RedisStore* shared,
    std::string* where) {
  const auto threads = static_cast<uint64_t>(options.blocking_threads);
  auto made = std::make_unique<MetricsServer>([&metrics, &server, &host, &pool,
                                               &forwarding, resolver, shared,
                                               threads, start = absl::Now()] {
    return FormatMetrics(
        metrics,
        {.connections = server.connections(),
         .refused_admission = server.refused_admission(),
         .pool_queued = pool.queued(),
         .pool_running = pool.running(),
         .pool_threads = threads,
         .dns = resolver == nullptr ? policy::Resolver::Counts()
                                    : resolver->counts(),
         .next_hops = forwarding.Status(),
         .shared_state_works = shared != nullptr && shared->works(),
         .shared_state = shared == nullptr ? policy::RedisStore::Counts()
                                           : shared->counts(),
         .certificates = ExpiriesOf(*host.snapshot()),
         .longest_turn = absl::FromChrono(server.longest_turn()),
         .start = start});
  });
  const auto address = made->Listen(*options.metrics);
  if (!address.ok()) {
    return absl::Status(
        address.status().code(),
        absl::StrCat("--metrics: ", address.status().message()));
  }
  *where = address->Format();
  return made;
}

void LogWarnings(const ServeOptions& options,
                 const service::Findings& findings) {
  for (const service::Finding& finding : findings.all()) {
    if (finding.severity != service::Finding::Severity::kError) {
      log::WriteLog("warning", options.places.At(finding.Text()));
    }
  }
}

// Logs each error, with `before` at its beginning. Returns the lines.
std::vector<std::string> LogErrors(absl::string_view event,
                                   absl::string_view before,
                                   const ServeOptions& options,
                                   const service::Findings& findings) {
  std::vector<std::string> lines;
  for (const service::Finding& finding : findings.all()) {
    if (finding.severity != service::Finding::Severity::kError) continue;
    lines.push_back(absl::StrCat(before, options.places.At(finding.Text())));
    if (event.empty()) {
      log::WriteLog(lines.back());
    } else {
      log::WriteLog(event, lines.back());
    }
  }
  return lines;
}

// The configuration that a server uses. Used by one thread at a time.
class RunningConfiguration {
 public:
  // `first` and `shared`, which may be null, must outlive the object.
  RunningConfiguration(const ServeConfiguration& first,
                       policy::RedisStore* shared)
      : current_(&first), shared_(shared) {}

  // Reads the file and all that it names again. After an error, the old
  // configuration stays in use.
  void Reload(const service::MailService::Process& process, Host* host) {
    SayReloading();
    std::shared_ptr<const ServiceSnapshot> again;
    std::unique_ptr<const ServeConfiguration> wanted;
    service::Findings findings;
    try {
      wanted = current_->ReadAgain(&findings);
      if (wanted != nullptr) {
        // This process is the user of --user.
        again =
            ReadAndTest(wanted->options(), process, UserFindings(), &findings);
      }
    } catch (const std::bad_alloc&) {
      // The size of files is limited, but there may be less memory: the server
      // continues with the old configuration.
      findings.AddError("out of memory");
      again = nullptr;
    }
    if (host->metrics() != nullptr)
      host->metrics()->CountReload(again != nullptr);
    const ServeOptions& options =
        wanted == nullptr ? current_->options() : wanted->options();
    LogWarnings(options, findings);
    if (again != nullptr) {
      // Its address stays: see the warnings about options that need a restart.
      if (shared_ != nullptr && again->shared_state.has_value()) {
        shared_->SetAccess(*again->shared_state);
      }
      // The setting of the start stays, and cannot be taken back.
      if (again->mail.runs_programs &&
          prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1) {
        log::WriteLog("warning",
                      "programs cannot become another user in this process, "
                      "because its first configuration ran none: restart it "
                      "if a token-command or another program must");
      }
      host->Replace(std::move(again));
      current_ = wanted.get();
      kept_ = std::move(wanted);
      log::WriteLog("reloaded");
      return SayReady("reloaded");
    }
    const std::vector<std::string> errors =
        LogErrors("", "not reloaded, all stays as it was: ", options, findings);
    SayReady(errors[0]);
  }

 private:
  const ServeConfiguration* current_;
  std::unique_ptr<const ServeConfiguration> kept_;  // unless it is the first
  policy::RedisStore* const shared_;
};

// Waits for one of `signals` and returns it, or returns 0 after `wait`.
int WaitForSignal(const sigset_t& signals, absl::Duration wait) {
  siginfo_t info = {};
  if (wait == absl::InfiniteDuration()) return sigwaitinfo(&signals, &info);
  const timespec moment = absl::ToTimespec(wait);
  const int signal = sigtimedwait(&signals, &info, &moment);
  return signal > 0 ? signal : 0;
}

// Serves until SIGTERM or SIGINT. SIGHUP requests `reload` without waiting for
// it: a disk may hang, and SIGTERM and the watchdog must not wait for that.
//
// `look` is requested every `look_interval`.
void Serve(const sigset_t& signals, transports::Server* server,
           MetricsServer* metrics_server, BackgroundTask* reload,
           BackgroundTask* look, absl::Duration look_interval) {
  absl::Duration alive = AliveInterval();
  if (metrics_server != nullptr) alive = std::min(alive, kLookInterval);
  int64_t looked = MonotonicNanoseconds();
  while (true) {
    if (alive < absl::InfiniteDuration() && server->Responsive()) {
      SayAlive();
      if (metrics_server != nullptr) metrics_server->SayAlive();
    }
    const int64_t now = MonotonicNanoseconds();
    if (absl::Nanoseconds(now - looked) >= look_interval) {
      looked = now;
      (void)look->Request();  // without a thread, the next time
    }
    const int signal = WaitForSignal(signals, std::min(alive, look_interval));
    if (signal == SIGHUP) {
      if (const absl::Status status = reload->Request(); !status.ok()) {
        log::WriteLog(absl::StrCat("not reloaded: ", status.message()));
      }
    } else if (signal > 0) {
      return;
    }
  }
}

// Writes the addresses to the descriptor of --ready-fd.
void WriteReady(int fd, const std::vector<std::string>& addresses) {
  if (fd < 0) return;
  system::WriteInheritedOutput(
      fd, absl::StrCat(absl::StrJoin(addresses, "\n"), "\n"));
}

sigset_t OurSignals() {
  sigset_t set;
  sigemptyset(&set);
  for (int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  return set;
}

// While an object exists, SIGTERM and SIGINT end the process immediately:
// during the start no shutdown is needed, and the start may hang (a disk, the
// directory service of --user). The object must be destroyed before the next
// thread starts, because a new thread inherits the signal mask. SIGHUP stays
// pending until the end of the start.
class EndableStart {
 public:
  EndableStart() {
    sigemptyset(&signals_);
    for (int signal : {SIGTERM, SIGINT}) sigaddset(&signals_, signal);
    pthread_sigmask(SIG_UNBLOCK, &signals_, nullptr);
  }
  EndableStart(const EndableStart&) = delete;
  EndableStart& operator=(const EndableStart&) = delete;
  ~EndableStart() { pthread_sigmask(SIG_BLOCK, &signals_, nullptr); }

 private:
  sigset_t signals_ = {};
};

int Fail(const absl::Status& status) {
  log::WriteLog("fatal", status.message());
  return kTemporary;
}

// Fails because of the value of an option.
int Fail(const ServeOptions& options, const absl::Status& status) {
  return Fail(absl::Status(status.code(), options.places.At(status.message())));
}

int Fail(const ServeOptions& options, const service::Findings& findings) {
  LogErrors("fatal", "", options, findings);
  return kTemporary;
}

}  // namespace

int RunServe(const ServeConfiguration& configuration,
             absl::Duration certificate_interval) {
  const ServeOptions& options = configuration.options();
  // Before any file is opened: otherwise a descriptor that was announced and
  // not passed could be a file of this process.
  std::map<std::string, std::vector<int>> passed = PassedSockets();
  // If a client has disconnected, or a limit on the size of files is reached,
  // write(2) returns an error and no signal ends the process. SIGCHLD must not
  // be ignored, or the queue program's exit code would be lost.
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);
  signal(SIGCHLD, SIG_DFL);
  // Before the first thread, so that all threads block these signals: only
  // Serve() and ShutDownServer() wait for them.
  const sigset_t signals = OurSignals();
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  RaiseDescriptors();

  log::SetLogFormat(options.log_format);
  std::optional<EndableStart> endable(std::in_place);
  // Before the first thread, because it forks.
  const auto user = TestAsUser(options, Network::kUnasked);
  if (!user.ok()) return Fail(user.status());
  endable.reset();
  const auto log = log::BackgroundLog::Start();
  if (!log.ok()) return Fail(log.status());
  // Destroyed before the log, and after all threads that run programs.
  const system::ChildReaper reaper;
  const auto metrics = options.metrics
                           ? std::make_unique<service::Metrics>(RuleNames())
                           : nullptr;

  service::MessagesInProgress messages;
  service::Findings findings;
  const std::unique_ptr<policy::Resolver> resolver =
      MakeResolver(options, &findings);
  const auto greylist =
      options.greylist
          ? std::make_unique<policy::GreylistFile>(*options.greylist)
          : nullptr;
  const auto accepted = MakeAcceptedRecipients(options.partial);
  policy::SpfOverDns spf(resolver.get());
  std::optional<policy::HostNames> names;
  if (options.host_names) names.emplace(resolver.get());
  // Destroyed after all that uses its deliveries.
  delivery::Forwarding forwarding(ResolveWith(resolver.get()));
  Publishers publishers(options.user);
  // The order of destruction matters: the resolver stops first, and tasks of
  // the pool get no answers from DNS any more. Then the pool completes its
  // tasks, and the stopped event loops still accept its answers.
  //
  // Destroyed after the server: answers that its stopped event loops hold give
  // back what their transactions have taken.
  policy::RateLimits rates(options.rate_limits, options.limits.exempt);
  // The state that other servers have, too. Stopped before the event loops,
  // because its answers hold transactions of their sessions.
  const std::unique_ptr<policy::RedisStore> shared = MakeSharedState(options);
  std::optional<policy::SharedRates> shared_rates;
  if (shared != nullptr) shared_rates.emplace(&rates, shared.get());
  std::optional<policy::SharedGreylist> shared_greylist;
  if (shared != nullptr && greylist != nullptr) {
    shared_greylist.emplace(*options.greylist, greylist.get(), shared.get());
  }
  policy::AttemptLimits attempts(options.attempts);
  std::optional<policy::SharedAttempts> shared_attempts;
  if (shared != nullptr) shared_attempts.emplace(&attempts, shared.get());
  policy::AttemptCounter* const attempt_counter =
      shared_attempts ? static_cast<policy::AttemptCounter*>(&*shared_attempts)
                      : &attempts;
  std::optional<recording::Recordings> recordings;
  std::unique_ptr<Host> host;
  std::unique_ptr<transports::Server> server;
  net::ThreadPool pool;
  net::TaskTimer timer;
  // A separate pool, so that password guesses do not delay mail.
  net::ThreadPool auth_pool;
  // A separate pool, so that new clients do not wait for deliveries.
  net::ThreadPool rules_pool;
  const system::Run run = [&pool](absl::AnyInvocable<void() &&> task) {
    pool.Run(std::move(task));
  };

  const StoppedResolver stopped(resolver.get());
  const StoppedPublishers stopped_publishers(&publishers);

  // Destroyed before the objects that it reads.
  std::unique_ptr<MetricsServer> metrics_server;

  service::MailService::Process process = {
      .run = run,
      .pool =
          [&run](std::shared_ptr<Delivery> delivery) {
            return std::make_shared<delivery::PooledDelivery>(
                service::NameSessions(std::move(delivery)), run);
          },
      .filter = MakeRspamdWrapper(
          options.rspamd, metrics.get(),
          system::BoundedRun(run, RspamdAtOnce(options.blocking_threads))),
      .forward = ForwardWith({.forwarding = &forwarding,
                              .threads = false,
                              .run = run,
                              .environment = options.child_environment,
                              .user = options.user}),
      .publish = PublishWith(&publishers),
      .read_routes = service::ReadRoutes,
      .follow_routes = service::FollowRoutes,
      .name_destination = service::NameDestination,
      .partial = MakePartialWrapper(options.partial, accepted.get(), run),
      .open_backend = service::OpenLibraryBackend,
      .guard =
          [&](std::shared_ptr<auth::Backend> backend) {
            const auto keys = std::make_shared<const auth::UserKeys>(*backend);
            return std::make_shared<service::GuardedAuthenticator>(
                std::make_shared<auth::PooledAuthenticator>(
                    service::NameSessions(std::move(backend)),
                    [&](auto task) { auth_pool.Run(std::move(task)); }),
                service::GuardedAuthenticator::Guard{
                    .limits = attempt_counter,
                    .delay = absl::Seconds(options.auth.delay),
                    .after =
                        [&](absl::Duration delay, auto task) {
                          timer.After(delay, std::move(task));
                        },
                    .now = MonotonicNanoseconds,
                    .user_key =
                        [keys](absl::string_view mechanism,
                               absl::string_view user) {
                          return keys->Of(mechanism, user);
                        },
                    .count =
                        [&](absl::string_view mechanism,
                            service::AuthOutcome outcome) {
                          if (metrics == nullptr) return;
                          metrics->CountAuth(mechanism, outcome);
                        }});
          },
      .metrics = metrics.get(),
      .messages = &messages,
      .dns = resolver.get(),
      .greylist = shared_greylist
                      ? static_cast<policy::GreylistTable*>(&*shared_greylist)
                      : greylist.get(),
      .spf = resolver ? &spf : nullptr,
  };
  if (!options.rate_limits.empty()) {
    policy::RateCounter* const counter =
        shared_rates ? static_cast<policy::RateCounter*>(&*shared_rates)
                     : &rates;
    process.limit_rates = [counter](std::shared_ptr<Delivery> delivery) {
      return std::make_shared<service::RateLimitedDelivery>(
          std::move(delivery),
          service::RateLimitedDelivery::Limiter{
              .limits = counter,
              .now = MonotonicNanoseconds,
              .user_key =
                  [](absl::string_view user) {
                    // No user has an empty name. A name that the mapping
                    // prohibits stays as it is.
                    std::string key =
                        auth::UserKey(user, auth::Spelling::kFolded);
                    return key.empty() ? std::string(user) : key;
                  },
              .here = [] { return RunOn(net::EventLoop::Running()); }});
    };
  }
  endable.emplace();
  std::shared_ptr<const ServiceSnapshot> snapshot =
      ReadAndTest(options, process, *user, &findings);
  endable.reset();
  LogWarnings(options, findings);
  if (snapshot == nullptr) return Fail(options, findings);
  // Child processes cannot gain privileges, unless the configuration needs
  // that: qmail-queue becomes another user, and a checkpassword program reads
  // the passwords. Before the threads start, because the setting is per thread.
  if (!snapshot->mail.runs_programs &&
      prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return Fail(absl::ErrnoToStatus(errno, "prctl"));
  }
  if (resolver != nullptr) {
    if (absl::Status status = resolver->Start(); !status.ok()) {
      return Fail(status);
    }
  }
  if (!options.record.empty()) {
    recordings.emplace(recording::Recordings::Options{
        .directory = options.record,
        .bodies = options.record_bodies,
        .program = absl::StrCat("postern serve ", service::Version()),
        .now = absl::Now,
        .run = run,
        .report = [&options](const absl::Status& status) {
          log::WriteLog("warning",
                        options.places.At(absl::StrCat(
                            "--record: ", status.message(),
                            ": no more sessions are recorded until SIGHUP")));
        }});
  }
  auto shared_access = snapshot->shared_state;
  endable.emplace();
  RunningConfiguration running(configuration, shared.get());
  host = std::make_unique<Host>(
      options, std::move(snapshot), names ? &*names : nullptr,
      [&rules_pool](auto task) { rules_pool.Run(std::move(task)); },
      metrics.get(), recordings ? &*recordings : nullptr);

  transports::ServerOptions server_options;
  server_options.threads = options.threads;
  server_options.times.session_timeout = absl::Seconds(options.session_timeout);
  server_options.times.pace = {
      .min_rate = static_cast<uint64_t>(options.min_rate),
      .grace = absl::Seconds(options.rate_grace)};
  server_options.times.greet_delay = absl::Seconds(options.greet_delay);
  server = std::make_unique<transports::Server>(host.get(), server_options);
  std::vector<std::string> addresses;
  Listen(options, std::move(passed), server.get(), host.get(), &addresses,
         &findings);
  forwarding.SetListening(Parsed(addresses));
  std::string metrics_address;
  if (metrics != nullptr) {
    auto made =
        MakeMetricsServer(options, *metrics, *server, *host, pool, forwarding,
                          resolver.get(), shared.get(), &metrics_address);
    if (made.ok()) {
      metrics_server = *std::move(made);
    } else {
      findings.AddError(made.status().message());
    }
  }
  if (findings.prevent_start()) return Fail(options, findings);
  if (absl::Status status = ChangeUser(options.user); !status.ok()) {
    const int code = Fail(options, status);
    return absl::IsFailedPrecondition(status) ? kUsage : code;
  }
  // As the user of --user, who writes it.
  if (greylist != nullptr) {
    if (absl::Status status = greylist->Open(); !status.ok()) {
      return Fail(options,
                  absl::Status(status.code(),
                               absl::StrCat("--greylist: ", status.message())));
    }
  }
  if (accepted != nullptr) {
    if (absl::Status status = accepted->Open(); !status.ok()) {
      return Fail(options, absl::Status(status.code(),
                                        absl::StrCat("--partial-delivery: ",
                                                     status.message())));
    }
  }
  endable.reset();
  if (shared != nullptr) {
    shared->SetAccess(*std::move(shared_access));
    if (absl::Status status = shared->Start(); !status.ok()) {
      return Fail(status);
    }
  }
  if (absl::Status status = pool.Start(options.blocking_threads, "disk");
      !status.ok()) {
    return Fail(status);
  }
  if (absl::Status status = rules_pool.Start(kRulesThreads, "rules");
      !status.ok()) {
    return Fail(status);
  }
  if (!options.auth.specs.empty()) {
    if (absl::Status status = auth_pool.Start(options.auth_threads, "auth");
        !status.ok()) {
      return Fail(status);
    }
    if (absl::Status status = timer.Start(); !status.ok()) return Fail(status);
  }
  if (absl::Status status = server->Start(); !status.ok()) {
    server->Abandon();
    server->Join();
    return Fail(status);
  }
  if (metrics_server != nullptr) {
    if (absl::Status status = metrics_server->Start(); !status.ok()) {
      server->Abandon();
      server->Join();
      return Fail(status);
    }
  }
  // Logged only now, when the start cannot fail any more: an administrator
  // takes these lines as the sign of a successful start.
  for (const std::string& address : addresses) {
    log::WriteLog(absl::StrCat("listening at ", address));
  }
  if (metrics_server != nullptr) {
    log::WriteLog(absl::StrCat("metrics at ", metrics_address));
  }
  WriteReady(options.ready_fd, addresses);
  SayReady(absl::StrCat("listening at ", absl::StrJoin(addresses, ", ")));
  std::mutex replacing;  // one thread makes a new snapshot of the current one
  BackgroundTask reload("reload", [&] {
    if (recordings) recordings->Resume();
    const std::lock_guard<std::mutex> lock(replacing);
    running.Reload(process, host.get());
  });
  CertificateWatch watch(absl::Now());
  BackgroundTask look("certificates", [&] {
    const std::lock_guard<std::mutex> lock(replacing);
    CertificateWatch::Seen seen = watch.Look(*host->snapshot(), absl::Now());
    for (const std::string& warning : seen.warnings) {
      log::WriteLog("warning", warning);
    }
    if (seen.renewed == nullptr) return;
    host->Replace(std::move(seen.renewed));
    log::WriteLog("certificates reloaded");
  });
  Serve(signals, server.get(), metrics_server.get(), &reload, &look,
        certificate_interval);
  if (metrics_server != nullptr) metrics_server->SayStopping();
  const std::string going = absl::StrCat("shutting down with ",
                                         server->connections(), " connections");
  log::WriteLog(going);
  SayStopping(going);
  const bool shared_ended = shared == nullptr || shared->Stop(kSharedStateEnd);
  const net::ThreadPool* const others[] = {&auth_pool, &rules_pool};
  if (!ShutDownServer({.server = server.get(),
                       .deliveries = &pool,
                       .others = others,
                       .messages = &messages,
                       .log = log->get()},
                      absl::Seconds(options.drain), signals) ||
      reload.running() || look.running() || !publishers.Stop() ||
      !shared_ended) {
    _exit(0);  // destructors would wait for a thread that hangs
  }
  server->Join();
  return 0;
}

}  // namespace postern::programs
