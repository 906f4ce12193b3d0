// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/own_addresses.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"

namespace postern::policy {
namespace {

absl::StatusOr<std::vector<uint32_t>> ListAddresses() {
  struct ifaddrs* all = nullptr;
  if (getifaddrs(&all) != 0) {
    return absl::ErrnoToStatus(errno, "list interface addresses");
  }
  std::vector<uint32_t> addresses = {0};
  for (const struct ifaddrs* i = all; i != nullptr; i = i->ifa_next) {
    if ((i->ifa_flags & IFF_UP) == 0 || i->ifa_addr == nullptr ||
        i->ifa_addr->sa_family != AF_INET) {
      continue;
    }
    struct sockaddr_in address;
    memcpy(&address, i->ifa_addr, sizeof(address));
    addresses.push_back(ntohl(address.sin_addr.s_addr));
  }
  freeifaddrs(all);
  return addresses;
}

}  // namespace

absl::StatusOr<bool> InterfaceAddresses::Contains(uint32_t address) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!addresses_) {
    absl::StatusOr<std::vector<uint32_t>> listed = ListAddresses();
    if (!listed.ok()) return listed.status();
    addresses_ = *std::move(listed);
  }
  return std::find(addresses_->begin(), addresses_->end(), address) !=
         addresses_->end();
}

std::optional<uint32_t> ParseIpv4Literal(absl::string_view domain) {
  uint32_t address = 0;
  char before = '[';
  for (int octet = 0; octet < 4; ++octet, before = '.') {
    if (domain.empty() || domain[0] != before) return std::nullopt;
    domain.remove_prefix(1);
    size_t digits = 0;
    uint32_t value = 0;
    while (digits < 3 && digits < domain.size() &&
           absl::ascii_isdigit(domain[digits])) {
      value = 10 * value + static_cast<uint32_t>(domain[digits++] - '0');
    }
    if (digits == 0 || value > 255) return std::nullopt;
    domain.remove_prefix(digits);
    address = address << 8 | value;
  }
  if (domain != "]") return std::nullopt;
  return address;
}

}  // namespace postern::policy
