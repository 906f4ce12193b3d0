// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "net/socket_address.h"

#include <netinet/in.h>
#include <sys/un.h>

#include <array>
#include <cstring>

#include "absl/strings/string_view.h"
#include "engine/grammar/ip_address.h"

namespace postern::net {

void ReadSocketAddress(const sockaddr_storage& storage,
                       std::optional<IpAddress>* address, uint16_t* port) {
  if (storage.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(storage);
    std::array<uint8_t, 4> octets;
    std::memcpy(octets.data(), &v4.sin_addr, octets.size());
    *address = IpAddress::V4(octets);
    *port = ntohs(v4.sin_port);
  } else if (storage.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(storage);
    IpAddress::Bytes bytes;
    std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
    *address = IpAddress(bytes);
    *port = ntohs(v6.sin6_port);
  }
}

socklen_t MakeSocketAddress(const IpAddress& address, uint16_t port,
                            sockaddr_storage* storage) {
  *storage = {};
  if (address.v4()) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(*storage);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&v4.sin_addr, address.bytes().data() + 12, 4);
    return sizeof(v4);
  }
  auto& v6 = reinterpret_cast<sockaddr_in6&>(*storage);
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  std::memcpy(&v6.sin6_addr, address.bytes().data(), address.bytes().size());
  return sizeof(v6);
}

socklen_t MakeUnixAddress(absl::string_view path, sockaddr_storage* storage) {
  *storage = {};
  auto& local = reinterpret_cast<sockaddr_un&>(*storage);
  local.sun_family = AF_UNIX;
  path.copy(local.sun_path, sizeof(local.sun_path) - 1);
  return sizeof(local);
}

}  // namespace postern::net
