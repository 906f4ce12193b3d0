// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The addresses of sockets as SessionInfo has them: a number, and a port.

#ifndef POSTERN_NET_SOCKET_ADDRESS_H_
#define POSTERN_NET_SOCKET_ADDRESS_H_

#include <sys/socket.h>

#include <cstdint>
#include <optional>

#include "engine/grammar/ip_address.h"

namespace postern::net {

// Puts an IPv4 or IPv6 address into `address` and `port`. An address of another
// family, such as that of a Unix socket, changes nothing.
void ReadSocketAddress(const sockaddr_storage& storage,
                       std::optional<IpAddress>* address, uint16_t* port);

// Returns the address for bind(2) and connect(2), and its size.
socklen_t MakeSocketAddress(const IpAddress& address, uint16_t port,
                            sockaddr_storage* storage);

}  // namespace postern::net

#endif  // POSTERN_NET_SOCKET_ADDRESS_H_
