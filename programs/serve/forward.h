// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Forwarding for the programs: names of next hops, and tests of them.

#ifndef POSTERN_PROGRAMS_SERVE_FORWARD_H_
#define POSTERN_PROGRAMS_SERVE_FORWARD_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "delivery/forward/forward_delivery.h"
#include "delivery/forward/hop_loop.h"
#include "delivery/forward/next_hop.h"
#include "engine/delivery.h"
#include "net/tls_client_context.h"
#include "policy/names/dns.h"
#include "service/finding.h"
#include "system/run.h"
#include "system/session_variables.h"

namespace postern::programs {

// Returns a function that asks `dns` for the addresses of a name: the IPv4
// addresses, and after them the IPv6 addresses. `dns` may be null, and then no
// name has an address. It must outlive the lookups.
delivery::Forwarding::Resolve ResolveWith(policy::Dns* dns);

// What forwarding needs of the process.
struct ForwardTools {
  // Must outlive the deliveries and their transactions.
  delivery::Forwarding* forwarding = nullptr;
  // There are no event loops: all transactions are used on threads. Otherwise
  // only those with a filter are.
  bool threads = false;
  system::Run run;                // runs programs that get tokens
  system::Variables environment;  // of these programs
  std::string user;               // the user of the server: --user
};

// Returns service::MailService::Process::forward. Reads the files that the
// words of a next hop name.
std::function<absl::StatusOr<std::unique_ptr<Delivery>>(
    delivery::NextHop hop, const std::string& host, absl::string_view rule,
    bool threads)>
ForwardWith(ForwardTools tools);

// Returns the TLS context of the hop, or null if it uses no TLS. An error names
// the file.
absl::StatusOr<std::shared_ptr<const net::TlsClientContext>> MakeHopTls(
    const delivery::NextHop& hop);

// Reads the CA file and the credentials of `hop`, and reports what will not
// work: a CA that has expired, a program that cannot be run. Does not report
// errors of ForwardWith(). `place` names the next hop in findings: "--deliver".
void TestHopFiles(absl::string_view place, const delivery::NextHop& hop,
                  const std::string& user, service::Findings* findings);

// Returns `hop` with the addresses that the file `hosts` (hosts(5)) has for its
// names. Blocks on the disk. A file that cannot be read has no names.
delivery::NextHop WithHostsFile(delivery::NextHop hop,
                                const std::string& hosts = "/etc/hosts");

// Tests whether this process may use the Unix sockets of `hop`. Asks no server.
// `place` is that of TestHopFiles().
void TestHopSockets(absl::string_view place, const delivery::NextHop& hop,
                    service::Findings* findings);

// Connects to each server of `hop` that has an address, with `timeout` for
// each. A server that does not accept a connection is a warning.
void TestHopServers(absl::string_view place, const delivery::NextHop& hop,
                    absl::Duration timeout, service::Findings* findings);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_SERVE_FORWARD_H_
