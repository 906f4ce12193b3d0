// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Converts socket addresses from and to an IpAddress and a port.

#ifndef POSTERN_NET_SOCKET_ADDRESS_H_
#define POSTERN_NET_SOCKET_ADDRESS_H_

#include <sys/socket.h>

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"
#include "engine/grammar/ip_address.h"

namespace postern::net {

// Sets `address` and `port` from an IPv4 or IPv6 socket address. For another
// family, such as a Unix socket, changes neither.
void ReadSocketAddress(const sockaddr_storage& storage,
                       std::optional<IpAddress>* address, uint16_t* port);

// Fills `storage` for bind(2) and connect(2). Returns the size of the address.
socklen_t MakeSocketAddress(const IpAddress& address, uint16_t port,
                            sockaddr_storage* storage);

// The same for the Unix socket `path`, which must be shorter than
// sockaddr_un::sun_path.
socklen_t MakeUnixAddress(absl::string_view path, sockaddr_storage* storage);

}  // namespace postern::net

#endif  // POSTERN_NET_SOCKET_ADDRESS_H_
