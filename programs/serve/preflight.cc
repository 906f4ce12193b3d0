// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/serve/preflight.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/authenticator.h"
#include "log/no_log.h"
#include "net/listening_socket.h"
#include "policy/control/controls.h"
#include "policy/delegation/policy_client.h"
#include "policy/delegation/policy_server.h"
#include "policy/dns_lists.h"
#include "policy/greylisting/greylist_file.h"
#include "policy/greylisting/greylist_options.h"
#include "policy/names/dns.h"
#include "policy/rules/not_read.h"
#include "policy/shared/redis_connection.h"
#include "policy/spf/spf_over_dns.h"
#include "programs/serve/forward.h"
#include "programs/serve/partial.h"
#include "programs/serve/rspamd.h"
#include "recording/recordings.h"
#include "service/destination.h"
#include "service/library_backends.h"
#include "service/named_destination.h"
#include "service/preflight.h"
#include "service/route_list.h"
#include "system/account.h"
#include "system/deadline.h"
#include "system/descriptor.h"
#include "system/pipe.h"

namespace postern::programs {
namespace {

using service::Finding;
using service::Findings;
using Severity = Finding::Severity;

// How long a server has time to answer a test.
constexpr absl::Duration kPatience = absl::Seconds(2);

// Tests the table of --greylist, or whether it can be created. SQLite makes
// files next to the table, too.
void TestGreylist(const policy::GreylistOptions& options, Findings* findings) {
  const std::string& file = options.file;
  const bool exists = access(file.c_str(), F_OK) == 0;
  const std::string directory = file.substr(0, file.rfind('/') + 1);
  if (access(directory.c_str(), W_OK | X_OK) != 0) {
    const int error = errno;
    findings->AddError(absl::StrCat(
        "--greylist: ", file,
        exists ? ": cannot be written: " : ": cannot be created: ", directory,
        ": ", strerror(error)));
    return;
  }
  if (!exists) return;
  if (access(file.c_str(), R_OK | W_OK) != 0) {
    const int error = errno;
    findings->AddError(
        absl::StrCat("--greylist: ", file, ": ", strerror(error)));
    return;
  }
  const absl::Status status = policy::GreylistFile(options).Open(
      policy::GreylistFile::Access::kReadOnly);
  if (!status.ok()) {
    findings->AddError(absl::StrCat("--greylist: ", status.message()));
  }
}

// Returns whether there is an error at the same place.
bool HasErrorAt(const Findings& findings, const Finding& other) {
  return std::any_of(findings.all().begin(), findings.all().end(),
                     [&other](const Finding& finding) {
                       return finding.severity == Severity::kError &&
                              !other.where.empty() &&
                              finding.where == other.where;
                     });
}

// Adds `more`, except for a file of users that has an error already: the reader
// and the test of the file have different texts.
void AddNew(const Findings& more, Findings* findings) {
  for (const Finding& finding : more.all()) {
    const bool is_users = absl::StartsWith(finding.where, "--auth ");
    if (!is_users || !HasErrorAt(*findings, finding)) findings->Add(finding);
  }
}

// Tests the content of the files that `snapshot` has read. Does nothing if it
// is null.
void TestFilesOf(const ServiceSnapshot* snapshot, Findings* findings) {
  if (snapshot == nullptr) return;
  const service::MailService& mail = snapshot->mail;
  findings->AddWarnings(policy::CheckDatabases(*mail.controls));
  for (const auto& check : mail.check_deliveries) {
    findings->AddWarnings(check());
  }
}

// Returns the value of each --deliver and of each route that has one, after the
// place that names it. `snapshot` may be null: then the routes are left out.
std::vector<std::pair<std::string, std::string>> SpecsOf(
    const ServeOptions& options, const ServiceSnapshot* snapshot) {
  std::vector<std::pair<std::string, std::string>> specs;
  for (const service::DestinationOption& each : options.Destinations()) {
    specs.emplace_back(each.Place(), each.spec);
  }
  if (snapshot == nullptr || snapshot->mail.routes == nullptr) return specs;
  for (const service::RouteList::Target& each :
       snapshot->mail.routes->targets()) {
    // A name is that of one of the above.
    if (each.name.empty()) specs.emplace_back(each.source, each.spec);
  }
  return specs;
}

// Returns the next hops, each with the place that names it.
std::vector<std::pair<std::string, delivery::NextHop>> HopsOf(
    const ServeOptions& options, const ServiceSnapshot* snapshot) {
  std::vector<std::pair<std::string, delivery::NextHop>> hops;
  for (const auto& [place, spec] : SpecsOf(options, snapshot)) {
    auto hop = service::NextHopOf(spec);
    if (hop.ok()) hops.emplace_back(place, *std::move(hop));
  }
  return hops;
}

// Tests what the server needs besides the files that `snapshot` has read.
// `snapshot` is null if these have errors.
void TestNeeds(const ServeOptions& options, const ServiceSnapshot* snapshot,
               Findings* findings) {
  findings->AddWarnings(options.warnings);
  findings->AddWarnings(policy::CheckNotRead(options.control, getenv));
  service::CheckPrograms(options, findings);
  service::CheckDelivery(options,
                         snapshot == nullptr ? "" : snapshot->mail.controls->me,
                         findings);
  for (const auto& [place, hop] : HopsOf(options, snapshot)) {
    TestHopSockets(place, hop, findings);
    TestHopFiles(place, hop, options.user, findings);
  }
  TestPartial(options, findings);
  for (const auto& [place, spec] : SpecsOf(options, snapshot)) {
    const auto queue = service::QueueOf(spec);
    // An error in the files may be the limit of the size.
    if (!queue.ok() || snapshot == nullptr) continue;
    TestQueue(place, *queue, snapshot->mail.controls->databytes, kPatience,
              findings, options.user);
  }
  TestFilesOf(snapshot, findings);
  if (!options.rules.empty()) {
    service::CheckRules(options.rules, options.rules_optional,
                        options.host_names, findings);
  }
  if (!options.record.empty()) {
    const absl::Status status = recording::CheckDirectory(options.record);
    const std::string text = absl::StrCat("--record: ", status.message());
    // A full directory only means that nothing is recorded.
    if (absl::IsResourceExhausted(status)) {
      findings->AddWarning(text);
    } else if (!status.ok()) {
      findings->AddError(text);
    }
  }
  Findings users;
  users.AddErrors(service::CheckUserFiles(options.auth));
  AddNew(users, findings);
  constexpr char kResolvConf[] = "/etc/resolv.conf";
  if (AsksDns(options) && options.resolvers.empty() &&
      access(kResolvConf, R_OK) != 0) {
    findings->AddWarning(absl::StrCat(
        kResolvConf, ": ", strerror(errno),
        ": the name server of this host is asked; name another one with "
        "--resolver"));
  }
}

// Asks several questions at the same time.
class DnsTest {
 public:
  explicit DnsTest(policy::Dns* dns) : dns_(dns) {}

  // Returns the results for the names, in their order.
  std::vector<policy::DnsResult> Ask(const std::vector<std::string>& names) {
    std::vector<policy::DnsResult> results(names.size());
    size_t open = names.size();
    for (size_t i = 0; i < names.size(); ++i) {
      dns_->Lookup(names[i], policy::DnsAnswer::kA,
                   [this, &results, &open, i](const policy::DnsResult& result) {
                     const std::lock_guard<std::mutex> lock(mutex_);
                     results[i] = result;
                     if (--open == 0) answered_.notify_one();
                   });
    }
    std::unique_lock<std::mutex> lock(mutex_);
    answered_.wait(lock, [&open] { return open == 0; });
    return results;
  }

 private:
  policy::Dns* const dns_;
  std::mutex mutex_;
  std::condition_variable answered_;
};

// Asks the name servers for this host and for the entry that each DNS list has.
void TestDns(const ServeOptions& options, const std::string& me,
             Findings* findings) {
  auto resolver = policy::Resolver::Make(
      {.servers = options.resolvers, .timeout = kPatience, .tries = 1});
  if (!resolver.ok() || !(*resolver)->Start().ok()) return;
  std::vector<std::string> names = {me.empty() ? "localhost" : me};
  std::vector<std::string> zones;
  const auto lists = options.check_options.find("dns-list");
  if (lists != options.check_options.end()) {
    for (const std::string& spec : lists->second) {
      const auto list = policy::ParseDnsList(spec);
      if (!list.ok()) continue;
      zones.push_back(list->zone);
      names.push_back(absl::StrCat("2.0.0.127.", list->zone));
    }
  }
  const std::vector<policy::DnsResult> results =
      DnsTest(resolver->get()).Ask(names);
  using Status = policy::DnsResult::Status;
  if (std::all_of(results.begin(), results.end(), [](const auto& result) {
        return result.status == Status::kTemporary;
      })) {
    return findings->AddWarning(absl::StrCat(
        options.resolvers.empty() ? "/etc/resolv.conf" : "--resolver",
        ": no name server has answered a question for ", names[0]));
  }
  for (size_t i = 0; i < zones.size(); ++i) {
    const Status status = results[i + 1].status;
    if (status == Status::kFound) continue;
    findings->AddWarning(absl::StrCat(
        "--dns-list: ", zones[i],
        status == Status::kTemporary
            ? " has not answered"
            : " does not list 127.0.0.2, as each DNS list of addresses does "
              "(RFC 5782 5): it may be closed, or not answer this resolver"));
  }
}

void TestPolicyServers(const ServeOptions& options, Findings* findings) {
  const auto given = options.check_options.find("policy-server");
  if (given == options.check_options.end()) return;
  auto servers = policy::ParsePolicyServers(given->second.front());
  if (!servers.ok()) return;
  for (policy::PolicyServer& server : *servers) {
    const std::string name = server.name;
    const bool ignored = server.ignore_outage;
    const absl::Duration timeout = std::min(server.timeout, kPatience);
    const absl::Status status = policy::PolicyClient(std::move(server))
                                    .Reach(system::Deadline(timeout));
    if (status.ok()) continue;
    findings->AddWarning(
        absl::StrCat("--policy-server: ", name, ": ", status.message(),
                     ignored ? ": it is not asked until it answers"
                             : ": recipients get a 451 until it answers"));
  }
}

void TestSharedState(const policy::RedisAccess& access, Findings* findings) {
  const auto connection = policy::RedisConnection::Open(
      access, absl::ToChronoMilliseconds(kPatience));
  if (connection.ok()) return;
  findings->AddWarning(
      absl::StrCat("--shared-state: ", access.address.Format(), ": ",
                   connection.status().message(),
                   ": this server counts alone until it works"));
}

void TestNetwork(const ServeOptions& options, const ServiceSnapshot* snapshot,
                 Findings* findings) {
  TestPolicyServers(options, findings);
  if (snapshot != nullptr && snapshot->shared_state) {
    TestSharedState(*snapshot->shared_state, findings);
  }
  for (const auto& [place, hop] : HopsOf(options, snapshot)) {
    TestHopServers(place, hop, kPatience, findings);
  }
  if (!AsksDns(options)) return;
  TestDns(options, snapshot == nullptr ? "" : snapshot->mail.controls->me,
          findings);
}

// Adds what listening at `address` would cause. `option` names it.
void TestAddress(absl::string_view option, const net::ListenAddress& address,
                 const ServeOptions& options, Findings* findings) {
  const absl::Status status = net::CheckListen(address);
  if (status.ok()) return;
  const std::string text = absl::StrCat(option, ": ", status.message());
  if (absl::IsAlreadyExists(status)) {
    findings->AddWarning(absl::StrCat(
        text, "; stop what listens there, unless it is this server"));
  } else if (absl::IsPermissionDenied(status) && geteuid() != 0 &&
             !options.user.empty()) {
    findings->AddWarning(absl::StrCat(
        text, "; run the test as root, as which the server starts"));
  } else {
    findings->AddError(text);
  }
}

void TestAddresses(const ServeOptions& options, Findings* findings) {
  for (const ListenOption& listen : options.listen) {
    if (!listen.passed.empty()) continue;  // systemd has opened it
    TestAddress("--listen", listen.address, options, findings);
  }
  if (options.metrics) {
    TestAddress("--metrics", *options.metrics, options, findings);
  }
}

// Findings as octets, for a pipe: texts with their lengths before them.
void Append(absl::string_view text, std::string* octets) {
  absl::StrAppend(octets, text.size(), ":", text);
}
void Append(const Findings& findings, std::string* octets) {
  for (const Finding& finding : findings.all()) {
    Append(absl::StrCat(static_cast<int>(finding.severity)), octets);
    for (const std::string* text :
         {&finding.where, &finding.what, &finding.fix}) {
      Append(*text, octets);
    }
  }
  Append("", octets);
}

// Removes a text from the beginning of `octets`. Returns nullopt if there is no
// whole one.
std::optional<std::string> Take(absl::string_view* octets) {
  const size_t colon = octets->find(':');
  size_t size = 0;
  if (colon == octets->npos ||
      !absl::SimpleAtoi(octets->substr(0, colon), &size)) {
    return std::nullopt;
  }
  octets->remove_prefix(colon + 1);
  if (octets->size() < size) return std::nullopt;
  std::string text(octets->substr(0, size));
  octets->remove_prefix(size);
  return text;
}

// Removes findings from the beginning of `octets`. Returns false if they are
// not complete.
bool Take(absl::string_view* octets, Findings* findings) {
  while (const std::optional<std::string> severity = Take(octets)) {
    if (severity->empty()) return true;
    auto where = Take(octets);
    auto what = Take(octets);
    auto fix = Take(octets);
    if (!where || !what || !fix) return false;
    findings->Add({static_cast<Severity>((*severity)[0] - '0'),
                   *std::move(where), *std::move(what), *std::move(fix)});
  }
  return false;
}

// Makes this process end when `parent` ends: it may hang on a disk. The kernel
// clears the setting when the process changes its user.
void EndWith(pid_t parent) {
  (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
}

// Runs in the child of `parent`.
UserFindings TestInChild(const ServeOptions& options, Network network,
                         pid_t parent) {
  UserFindings found;
  EndWith(parent);
  const absl::Status changed = ChangeUser(options.user);
  EndWith(parent);
  // After an error, other mistakes are found as root.
  if (!changed.ok()) found.needs.AddError(changed.message());
  Findings of_resolver;  // the parent has them, too
  const auto resolver = MakeResolver(options, &of_resolver);
  const TestProcess process(options, resolver.get());
  for (const std::string& file : options.config_files) {
    if (access(file.c_str(), R_OK) == 0) continue;
    found.files.AddError(absl::StrCat(file, ": ", strerror(errno)));
  }
  const auto snapshot =
      ServiceSnapshot::Read(options, process.get(), &found.files);
  TestNeeds(options, snapshot.get(), &found.needs);
  if (options.greylist) TestGreylist(*options.greylist, &found.needs);
  if (network == Network::kAsked) {
    TestNetwork(options, snapshot.get(), &found.needs);
  }
  return found;
}

bool WriteAll(int fd, absl::string_view octets) {
  while (!octets.empty()) {
    const ssize_t n = write(fd, octets.data(), octets.size());
    if (n < 0) return false;
    octets.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

std::string ReadAll(int fd) {
  std::string octets;
  char room[4096];
  while (true) {
    const ssize_t n = read(fd, room, sizeof(room));
    if (n > 0) {
      octets.append(room, static_cast<size_t>(n));
    } else if (n == 0 || errno != EINTR) {
      return octets;
    }
  }
}

// Returns `findings`, each about an option with the place of its value.
Findings WithPlaces(const Findings& findings,
                    const service::OptionPlaces& places) {
  Findings placed;
  for (const Finding& finding : findings.all()) {
    const std::string text = finding.Text();
    const std::string at = places.At(text);
    if (at == text) {
      placed.Add(finding);
      continue;
    }
    switch (finding.severity) {
      case Severity::kWarning:
        placed.AddWarning(at);
        break;
      case Severity::kFault:
        placed.AddFault(at);
        break;
      case Severity::kError:
        placed.AddError(at);
        break;
    }
  }
  return placed;
}

// Adds the errors of the files that only the user of --user has.
void AddFilesOfUser(const ServeOptions& options, const UserFindings& user,
                    Findings* findings) {
  for (const Finding& finding : user.files.all()) {
    if (finding.severity != Severity::kError ||
        HasErrorAt(*findings, finding) || HasErrorAt(user.needs, finding)) {
      continue;
    }
    findings->Add({Severity::kWarning, finding.where,
                   absl::StrCat(finding.what, ", for the user ", options.user,
                                " of --user"),
                   "let this user read it, or the server cannot read it again "
                   "after SIGHUP"});
  }
}

}  // namespace

TestProcess::TestProcess(const ServeOptions& options, policy::Dns* dns)
    : spf_(dns), forwarding_(ResolveWith(dns)), publishers_(options.user) {
  if (options.greylist) greylist_.emplace(*options.greylist);
  const system::Run run = [](auto task) { std::move(task)(); };
  process_ = {
      .run = run,
      .filter = MakeRspamdWrapper(options.rspamd, nullptr, run),
      .forward = ForwardWith({.forwarding = &forwarding_,
                              .threads = true,
                              .run = run,
                              .environment = options.child_environment,
                              .user = options.user}),
      .publish = PublishWith(&publishers_),
      .read_routes = service::ReadRoutes,
      .follow_routes = service::FollowRoutes,
      .name_destination = service::NameDestination,
      .open_backend = service::OpenLibraryBackend,
      .guard = [](const auto&) { return std::shared_ptr<Authenticator>(); },
      .dns = dns,
      .greylist = greylist_ ? &*greylist_ : nullptr,
      .spf = dns == nullptr ? nullptr : &spf_,
      .warns = false};
}

absl::Status ChangeUser(const std::string& user) {
  if (user.empty()) return absl::OkStatus();
  const absl::StatusOr<system::Account> account = system::FindAccount(user);
  if (!account.ok()) {
    return absl::Status(account.status().code(),
                        absl::StrCat("--user: ", account.status().message()));
  }
  // A service manager has done it (User= of systemd), and no longer permits it.
  if (geteuid() != 0 && geteuid() == account->user &&
      getuid() == account->user && getegid() == account->group) {
    return absl::OkStatus();
  }
  if (geteuid() != 0) {
    const passwd* const ours = getpwuid(geteuid());
    return absl::FailedPreconditionError(absl::StrCat(
        "--user: only root can become ", user, ", and the server was started ",
        "by ", ours == nullptr ? absl::StrCat(geteuid()) : ours->pw_name,
        "; leave this option out, or let systemd start it as this user, ",
        "with User in a drop-in"));
  }
  if (initgroups(user.c_str(), account->group) != 0 ||
      setgid(account->group) != 0 || setuid(account->user) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("--user: ", user));
  }
  return absl::OkStatus();
}

absl::StatusOr<UserFindings> TestAsUser(const ServeOptions& options,
                                        Network network) {
  UserFindings found;
  if (options.user.empty() || geteuid() != 0) {
    if (options.greylist) TestGreylist(*options.greylist, &found.needs);
    return found;
  }
  system::Descriptor ours;
  system::Descriptor theirs;
  if (!system::MakePipe(&ours, &theirs)) {
    return absl::ErrnoToStatus(errno, "pipe");
  }
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child < 0) return absl::ErrnoToStatus(errno, "fork");
  if (child == 0) {
    const log::NoLog no_log;  // the parent logs what libraries log, too
    const UserFindings tested = TestInChild(options, network, parent);
    std::string octets;
    Append(tested.files, &octets);
    Append(tested.needs, &octets);
    _exit(WriteAll(theirs.get(), octets) ? 0 : 1);
  }
  theirs.Reset();
  const std::string octets = ReadAll(ours.get());
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  absl::string_view rest = octets;
  if (!Take(&rest, &found.files) || !Take(&rest, &found.needs)) {
    return absl::InternalError(absl::StrCat("--user: the test as the user ",
                                            options.user, " did not complete"));
  }
  found.tested = true;
  return found;
}

std::unique_ptr<policy::Resolver> MakeResolver(const ServeOptions& options,
                                               Findings* findings) {
  if (!AsksDns(options)) return nullptr;
  auto made = policy::Resolver::Make({.servers = options.resolvers});
  if (made.ok()) return *std::move(made);
  findings->AddError(absl::StrCat("--resolver: ", made.status().message()));
  made = policy::Resolver::Make({});
  return made.ok() ? *std::move(made) : nullptr;
}

std::shared_ptr<const ServiceSnapshot> ReadAndTest(
    const ServeOptions& options, const service::MailService::Process& process,
    const UserFindings& user, Findings* findings) {
  auto snapshot = ServiceSnapshot::Read(options, process, findings);
  if (user.tested) {
    AddFilesOfUser(options, user, findings);
    // The user may be unable to read these files, and then has not tested them.
    TestFilesOf(snapshot.get(), findings);
  } else {
    TestNeeds(options, snapshot.get(), findings);
  }
  AddNew(user.needs, findings);
  return findings->prevent_start() ? nullptr : snapshot;
}

absl::Status TestConfiguration(const ServeOptions& options,
                               Findings* findings) {
  const auto user = TestAsUser(options, Network::kAsked);
  if (!user.ok()) return user.status();
  if (!options.user.empty() && !user->tested) {
    const auto account = system::FindAccount(options.user);
    if (!account.ok()) {
      findings->AddError(absl::StrCat("--user: ", account.status().message()));
    }
    findings->AddWarning(absl::StrCat(
        "--user: not tested as the user ", options.user,
        ", but as the one that runs this command; run it as root"));
  }
  const auto resolver = MakeResolver(options, findings);
  const TestProcess process(options, resolver.get());
  const auto snapshot = ReadAndTest(options, process.get(), *user, findings);
  if (!user->tested) TestNetwork(options, snapshot.get(), findings);
  TestAddresses(options, findings);
  *findings = WithPlaces(*findings, options.places);
  return absl::OkStatus();
}

}  // namespace postern::programs
