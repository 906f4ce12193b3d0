// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Forwarding for the programs: names of next hops, and tests of them.

#ifndef POSTERN_PROGRAMS_SERVE_FORWARD_H_
#define POSTERN_PROGRAMS_SERVE_FORWARD_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "delivery/forward/forward_delivery.h"
#include "delivery/forward/hop_loop.h"
#include "delivery/forward/next_hop.h"
#include "engine/delivery.h"
#include "policy/names/dns.h"
#include "service/finding.h"

namespace postern::programs {

// Returns a function that asks `dns` for the addresses of a name: the IPv4
// addresses, and after them the IPv6 addresses. `dns` may be null, and then no
// name has an address. It must outlive the lookups.
delivery::Forwarding::Resolve ResolveWith(policy::Dns* dns);

// Returns service::MailService::Process::forward. The transactions are used on
// event loops, unless a filter needs threads or `threads` is true: there are no
// event loops. `forwarding` must outlive the deliveries and their transactions.
std::function<std::unique_ptr<Delivery>(delivery::NextHop hop,
                                        const std::string& host,
                                        absl::string_view rule, bool threads)>
ForwardWith(delivery::Forwarding* forwarding, bool threads);

// Returns `hop` with the addresses that the file `hosts` (hosts(5)) has for its
// names. Blocks on the disk. A file that cannot be read has no names.
delivery::NextHop WithHostsFile(delivery::NextHop hop,
                                const std::string& hosts = "/etc/hosts");

// Tests whether this process may use the Unix sockets of `hop`. Asks no server.
// `place` names the next hop in findings: "--deliver".
void TestHopSockets(absl::string_view place, const delivery::NextHop& hop,
                    service::Findings* findings);

// Connects to each server of `hop` that has an address, with `timeout` for
// each. A server that does not accept a connection is a warning.
void TestHopServers(absl::string_view place, const delivery::NextHop& hop,
                    absl::Duration timeout, service::Findings* findings);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_SERVE_FORWARD_H_
