// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The addresses of sockets as SessionInfo has them: text, and a port.

#ifndef POSTERN_NET_SOCKET_ADDRESS_H_
#define POSTERN_NET_SOCKET_ADDRESS_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

struct sockaddr_storage;

namespace postern::net {

// Puts an IPv4 or IPv6 address into `address` and `port`; one of another
// family, as of a Unix socket, changes nothing.
void ReadSocketAddress(const sockaddr_storage& storage, std::string* address,
                       uint16_t* port);

// Returns `address`, an IPv4-mapped IPv6 one (::ffff:192.0.2.1) as the IPv4
// address that it is, so that it meets the same rules.
std::string NormalizeAddress(absl::string_view address);

}  // namespace postern::net

#endif  // POSTERN_NET_SOCKET_ADDRESS_H_
