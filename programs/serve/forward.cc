// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/serve/forward.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "auth/client_account.h"
#include "auth/client_credentials.h"
#include "auth/token_source.h"
#include "delivery/forward/hop_security.h"
#include "engine/grammar/ip_address.h"
#include "files/content.h"
#include "log/report.h"
#include "net/connecting_socket.h"
#include "policy/names/dns_answer.h"
#include "system/descriptor.h"

namespace postern::programs {
namespace {

using delivery::TlsLevel;
using service::Finding;
using Status = policy::DnsResult::Status;

constexpr size_t kMaxHostsFile = size_t{1} << 20;

// Returns the address in a record of 4 or 16 octets.
IpAddress AddressOf(const std::string& record) {
  if (record.size() == 4) {
    std::array<uint8_t, 4> octets;
    std::copy(record.begin(), record.end(), octets.begin());
    return IpAddress::V4(octets);
  }
  IpAddress::Bytes octets = {};
  std::copy(record.begin(), record.end(), octets.begin());
  return IpAddress(octets);
}

// One lookup: both kinds of addresses are asked for at the same time.
struct Lookup {
  std::mutex mutex;
  policy::DnsResult v4;
  policy::DnsResult v6;
  int open = 2;
  delivery::HopDriver::Resolved done;

  void Answer() {
    std::vector<IpAddress> addresses;
    for (const policy::DnsResult* result : {&v4, &v6}) {
      for (const std::string& record : result->records) {
        addresses.push_back(AddressOf(record));
      }
    }
    if (!addresses.empty()) return std::move(done)(std::move(addresses));
    const bool temporary =
        v4.status == Status::kTemporary || v6.status == Status::kTemporary;
    std::move(done)(temporary
                        ? absl::UnavailableError("no answer from DNS")
                        : absl::NotFoundError("DNS has no address for it"));
  }
};

// Returns the errno of a connection to `address`, 0 if it was made.
int TryConnect(const delivery::HopAddress& address, absl::Duration timeout) {
  using State = net::ConnectingSocket::State;
  net::ConnectingSocket socket =
      address.path.empty() ? net::ConnectingSocket(*address.ip, address.port)
                           : net::ConnectingSocket(address.path);
  State state = socket.Connect();
  if (state == State::kPending) {
    pollfd ready = {socket.socket(), POLLOUT, 0};
    const int count =
        poll(&ready, 1, static_cast<int>(absl::ToInt64Milliseconds(timeout)));
    if (count <= 0) return count == 0 ? ETIMEDOUT : errno;
    state = socket.Check();
  }
  return state == State::kPending ? ETIMEDOUT : socket.error();
}

// Reads the files that the words of `hop` name.
absl::StatusOr<delivery::HopSecurity> ReadSecurity(const delivery::NextHop& hop,
                                                   const ForwardTools& tools) {
  delivery::HopSecurity security;
  security.report = log::ReportToLog("delivery");
  auto tls = MakeHopTls(hop);
  if (!tls.ok()) return tls.status();
  security.tls = *std::move(tls);
  if (hop.auth_file.empty()) return security;
  auto credentials = auth::ClientCredentials::Read(hop.auth_file, tools.user);
  if (!credentials.ok()) return credentials.status();
  security.account = auth::MakeClientAccount(
      {.credentials = *credentials,
       .ask_for_token =
           [command = credentials->token_command,
            environment = tools.environment] {
             return auth::AskForToken(command, environment,
                                      auth::kTokenTimeout);
           },
       .run = tools.run,
       .now = absl::Now});
  return security;
}

}  // namespace

delivery::Forwarding::Resolve ResolveWith(policy::Dns* dns) {
  if (dns == nullptr) return nullptr;
  return [dns](const std::string& name, delivery::HopDriver::Resolved done) {
    const auto lookup = std::make_shared<Lookup>();
    lookup->done = std::move(done);
    for (const auto type : {policy::DnsAnswer::kA, policy::DnsAnswer::kAaaa}) {
      dns->Lookup(name, type, [lookup, type](const policy::DnsResult& result) {
        bool last = false;
        {
          const std::lock_guard<std::mutex> lock(lookup->mutex);
          (type == policy::DnsAnswer::kA ? lookup->v4 : lookup->v6) = result;
          last = --lookup->open == 0;
        }
        if (last) lookup->Answer();
      });
    }
  };
}

std::function<absl::StatusOr<std::unique_ptr<Delivery>>(
    delivery::NextHop, const std::string&, absl::string_view, bool)>
ForwardWith(ForwardTools tools) {
  using Calls = delivery::ForwardDelivery::Calls;
  return [tools = std::move(tools)](
             delivery::NextHop hop, const std::string& host,
             absl::string_view rule,
             bool threads) -> absl::StatusOr<std::unique_ptr<Delivery>> {
    auto security = ReadSecurity(hop, tools);
    if (!security.ok()) return security.status();
    return std::make_unique<delivery::ForwardDelivery>(
        tools.forwarding, WithHostsFile(std::move(hop)), host, rule,
        tools.threads || threads ? Calls::kOnThreads : Calls::kOnEventLoop,
        *std::move(security));
  };
}

absl::StatusOr<std::shared_ptr<const net::TlsClientContext>> MakeHopTls(
    const delivery::NextHop& hop) {
  TlsLevel level = TlsLevel::kNone;
  for (const delivery::HopAddress& host : hop.hosts) {
    level = std::max(level, hop.LevelOf(host));
  }
  if (level == TlsLevel::kNone) return nullptr;
  return net::TlsClientContext::Make({.verify = level == TlsLevel::kVerify,
                                      .ca_file = hop.ca_file,
                                      .fingerprints = hop.fingerprints});
}

void TestHopFiles(absl::string_view place, const delivery::NextHop& hop,
                  const std::string& user, service::Findings* findings) {
  if (const auto tls = MakeHopTls(hop); tls.ok() && *tls != nullptr) {
    for (const std::string& warning : (*tls)->warnings()) {
      findings->AddWarning(absl::StrCat(place, ": ", warning));
    }
  }
  if (hop.auth_file.empty()) return;
  const auto credentials = auth::ClientCredentials::Read(hop.auth_file, user);
  if (!credentials.ok() || credentials->token_command.empty()) return;
  const std::string& program = credentials->token_command[0];
  if (faccessat(AT_FDCWD, program.c_str(), X_OK, AT_EACCESS) != 0) {
    findings->AddError(absl::StrCat(place, ": ", hop.auth_file, ": ", program,
                                    ": ", strerror(errno)));
  }
}

delivery::NextHop WithHostsFile(delivery::NextHop hop,
                                const std::string& hosts) {
  if (!hop.has_names()) return hop;
  const auto content = files::ReadContent(hosts, kMaxHostsFile);
  if (!content.ok()) return hop;
  delivery::NextHop known = hop;
  known.hosts.clear();
  for (delivery::HopAddress& address : hop.hosts) {
    const size_t before = known.hosts.size();
    for (absl::string_view line : absl::StrSplit(content->bytes, '\n')) {
      if (!address.needs_lookup()) break;
      line = line.substr(0, line.find('#'));
      const std::vector<std::string> words =
          absl::StrSplit(line, absl::ByAnyChar(" \t\r"), absl::SkipEmpty());
      for (size_t i = 1; i < words.size(); ++i) {
        if (absl::AsciiStrToLower(words[i]) != address.name) continue;
        delivery::HopAddress found = address;
        found.ip = IpAddress::Parse(words[0]);
        if (found.ip) known.hosts.push_back(std::move(found));
        break;
      }
    }
    if (known.hosts.size() == before) known.hosts.push_back(std::move(address));
  }
  return known;
}

void TestHopSockets(absl::string_view place, const delivery::NextHop& hop,
                    service::Findings* findings) {
  for (const delivery::HopAddress& address : hop.hosts) {
    if (address.path.empty()) continue;
    struct stat facts = {};
    const int error =
        stat(address.path.c_str(), &facts) != 0 ||
                faccessat(AT_FDCWD, address.path.c_str(), W_OK, AT_EACCESS) != 0
            ? errno
            : 0;
    if (error == 0 && S_ISSOCK(facts.st_mode)) continue;
    const std::string what = absl::StrCat(
        address.path, ": ", error != 0 ? strerror(error) : "not a socket");
    if (error == ENOENT || error == 0) {
      // The next hop may start later.
      findings->Add({Finding::Severity::kWarning, std::string(place),
                     absl::StrCat(what,
                                  ": recipients get a 451 until a server "
                                  "listens there"),
                     "start the next hop, or correct the path"});
    } else {
      findings->Add({Finding::Severity::kError, std::string(place), what,
                     "the user that the server runs as must be able to write "
                     "to the socket"});
    }
  }
}

void TestHopServers(absl::string_view place, const delivery::NextHop& hop,
                    absl::Duration timeout, service::Findings* findings) {
  for (const delivery::HopAddress& address : WithHostsFile(hop).hosts) {
    if (address.needs_lookup()) continue;
    // TestHopSockets() reports a file that is missing.
    const int error = TryConnect(address, timeout);
    if (error == 0 || (!address.path.empty() && error != ECONNREFUSED)) {
      continue;
    }
    findings->AddWarning(
        absl::StrCat(place, ": ", address.Format(), ": ", strerror(error),
                     ": the next hop does not accept connections now"));
  }
}

}  // namespace postern::programs
