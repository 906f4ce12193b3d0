// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Where a server listens.

#ifndef POSTERN_NET_LISTENING_SOCKET_H_
#define POSTERN_NET_LISTENING_SOCKET_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/grammar/ip_address.h"
#include "system/descriptor.h"

namespace postern::net {

// "127.0.0.1:25", "[::1]:25", "*:25" (all addresses of both families, or of
// IPv4 alone where the system has no IPv6) or "unix:/run/postern.sock". Port 0
// is any that is free.
struct ListenAddress {
  std::optional<IpAddress> host;  // nullopt: all addresses, IPv4 and IPv6
  uint16_t port = 0;
  std::string path;  // of a Unix socket; empty: none

  // Returns an error that quotes `text` if it is none of the above.
  static absl::StatusOr<ListenAddress> Parse(absl::string_view text);
  // Returns the text again.
  std::string Format() const;

  friend bool operator==(const ListenAddress&, const ListenAddress&) = default;
};

// Opens a listening socket: non-blocking, closed by exec(2), with TCP_NODELAY
// and keep-alive for the connections that it accepts. With `share` several
// sockets may listen at one address (SO_REUSEPORT), and the kernel spreads the
// connections among them; Unix sockets cannot be shared. A socket file at
// `address.path` that no server listens at is removed; any other file there is
// an error and stays as it is. Errors name the address.
absl::StatusOr<system::Descriptor> Listen(const ListenAddress& address,
                                          bool share);

// The memory that the kernel may use for what a connection's client does not
// read, and for what has come and is not read here. In octets as setsockopt(2)
// counts them; the kernel allows twice as much, with its own records. Clients
// choose both: without limits, one that never reads costs 2.4 MB, and one that
// sends ahead what net.ipv4.tcp_rmem allows, 6 MiB or more. With much less than
// 2 MiB to receive, large messages of clients far away would be slow, and a
// message of 10 MiB over loopback costs more.
inline constexpr int kSendBuffer = 64 << 10;
inline constexpr int kReceiveBuffer = 2 << 20;

// Sets both for `socket`, and for the connections that are accepted from it
// later, if it is one of TCP. Listen() has done so. Where the system does not
// permit kReceiveBuffer (net.core.rmem_max is less, and the process has no
// CAP_NET_ADMIN) net.ipv4.tcp_rmem stays the limit for what is received.
absl::Status LimitBuffers(int socket);

// Returns where `socket` listens, with the port that it was given.
absl::StatusOr<ListenAddress> BoundAddress(int socket);

}  // namespace postern::net

#endif  // POSTERN_NET_LISTENING_SOCKET_H_
