// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "net/own_addresses.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "engine/grammar/ip_address.h"
#include "net/socket_address.h"

namespace postern::net {
namespace {

absl::StatusOr<std::vector<IpAddress>> ListAddresses() {
  struct ifaddrs* all = nullptr;
  if (getifaddrs(&all) != 0) {
    return absl::ErrnoToStatus(errno, "list interface addresses");
  }
  std::vector<IpAddress> addresses = {IpAddress::V4({0, 0, 0, 0})};
  for (const struct ifaddrs* i = all; i != nullptr; i = i->ifa_next) {
    if ((i->ifa_flags & IFF_UP) == 0 || i->ifa_addr == nullptr ||
        i->ifa_addr->sa_family != AF_INET) {
      continue;
    }
    struct sockaddr_storage storage = {};
    memcpy(&storage, i->ifa_addr, sizeof(struct sockaddr_in));
    std::optional<IpAddress> address;
    uint16_t port = 0;
    ReadSocketAddress(storage, &address, &port);
    addresses.push_back(*address);
  }
  freeifaddrs(all);
  return addresses;
}

}  // namespace

absl::StatusOr<bool> InterfaceAddresses::Contains(
    const IpAddress& address) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!addresses_) {
    absl::StatusOr<std::vector<IpAddress>> listed = ListAddresses();
    if (!listed.ok()) return listed.status();
    addresses_ = *std::move(listed);
  }
  return std::find(addresses_->begin(), addresses_->end(), address) !=
         addresses_->end();
}

std::optional<IpAddress> ParseIpv4Literal(absl::string_view domain) {
  if (!absl::ConsumePrefix(&domain, "[") ||
      !absl::ConsumeSuffix(&domain, "]") || absl::StrContains(domain, ':')) {
    return std::nullopt;
  }
  return IpAddress::ParseLiteral(domain);
}

}  // namespace postern::net
