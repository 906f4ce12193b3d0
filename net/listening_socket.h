// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Listening sockets: their addresses, options and buffers.

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

// "127.0.0.1:25", "[::1]:25", "*:25" or "unix:/run/postern.sock". "*" means all
// addresses of both families, or of IPv4 only if the system has no IPv6. With
// port 0 the system chooses a free port.
struct ListenAddress {
  std::optional<IpAddress> host;  // nullopt: all addresses, IPv4 and IPv6
  uint16_t port = 0;              // 0: the system chooses; not for Unix
  std::string path;               // of a Unix socket; empty for TCP

  // Returns an error that quotes `text` if it has none of these forms.
  static absl::StatusOr<ListenAddress> Parse(absl::string_view text);
  // Returns the text form of the address.
  std::string Format() const;

  friend bool operator==(const ListenAddress&, const ListenAddress&) = default;
};

// Opens a listening socket: non-blocking, closed by exec(2), with TCP_NODELAY
// and keep-alive for the connections that it accepts. With `share`, several
// sockets may listen on one address (SO_REUSEPORT), and the kernel distributes
// the connections. Unix sockets cannot be shared. Removes a socket file at
// `address.path` on which no server listens. Any other file there is an error
// and is not removed. Errors name the address.
absl::StatusOr<system::Descriptor> Listen(const ListenAddress& address,
                                          bool share);

// Returns the error that Listen() without `share` would return, but does not
// listen, and changes no file. kAlreadyExists: a server listens there, perhaps
// one that shares the address. kPermissionDenied: this process may not listen
// there.
absl::Status CheckListen(const ListenAddress& address);

// The kernel memory for one connection: replies that the client does not read,
// and octets that the server does not read yet. In octets as setsockopt(2)
// counts them. The kernel allows twice as much, which includes its own records.
// The client decides how much of this memory is used. Without limits, a client
// that never reads costs 2.4 MB, and a client that sends ahead costs what
// net.ipv4.tcp_rmem allows, 6 MiB or more. A receive buffer much below 2 MiB
// makes large messages from distant clients slow, and costs time for a message
// of 10 MiB over loopback.
inline constexpr int kSendBuffer = 64 << 10;
inline constexpr int kReceiveBuffer = 2 << 20;

// Sets both limits for `socket`. If it is a TCP listening socket, connections
// accepted later inherit them. Listen() calls this function. If the system does
// not permit kReceiveBuffer (net.core.rmem_max is smaller, and the process has
// no CAP_NET_ADMIN), net.ipv4.tcp_rmem stays the limit for received octets.
absl::Status LimitBuffers(int socket);

// Returns the address on which `socket` listens, with the port that it got.
absl::StatusOr<ListenAddress> BoundAddress(int socket);

}  // namespace postern::net

#endif  // POSTERN_NET_LISTENING_SOCKET_H_
