// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "net/socket_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>

#include "absl/strings/match.h"

namespace postern::net {

void ReadSocketAddress(const sockaddr_storage& storage, std::string* address,
                       uint16_t* port) {
  std::array<char, INET6_ADDRSTRLEN> text;
  const void* bytes = nullptr;
  if (storage.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(storage);
    bytes = &v4.sin_addr;
    *port = ntohs(v4.sin_port);
  } else if (storage.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(storage);
    bytes = &v6.sin6_addr;
    *port = ntohs(v6.sin6_port);
  } else {
    return;
  }
  if (inet_ntop(storage.ss_family, bytes, text.data(), text.size()) !=
      nullptr) {
    *address = NormalizeAddress(text.data());
  }
}

std::string NormalizeAddress(absl::string_view address) {
  constexpr absl::string_view kMapped = "::ffff:";
  if (absl::StartsWithIgnoreCase(address, kMapped) &&
      address.find('.') != absl::string_view::npos) {
    address.remove_prefix(kMapped.size());
  }
  return std::string(address);
}

}  // namespace postern::net
