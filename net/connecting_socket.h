// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A client's connection while it is made: socket(2) and connect(2), without
// blocking.

#ifndef POSTERN_NET_CONNECTING_SOCKET_H_
#define POSTERN_NET_CONNECTING_SOCKET_H_

#include <sys/socket.h>

#include <cstdint>

#include "absl/strings/string_view.h"
#include "engine/grammar/ip_address.h"
#include "system/descriptor.h"

namespace postern::net {

// Closes the socket when it is destroyed.
class ConnectingSocket {
 public:
  // What has become of the connection.
  enum class State : uint8_t {
    kPending,  // call Check() when the socket is writable
    kBusy,     // the server has too many new connections: Connect() later
    kConnected,
    kFailed,  // error()
  };

  // Opens a socket of the address's family, with TCP_NODELAY for TCP.
  ConnectingSocket(const IpAddress& address, uint16_t port);
  // `path` must be shorter than sockaddr_un::sun_path.
  explicit ConnectingSocket(absl::string_view path);

  // Begins to connect. kBusy only for Unix sockets, which have no kPending.
  State Connect();
  // Returns what has become of the connection.
  State Check();

  // The socket, or -1 if it could not be opened.
  int socket() const { return socket_.get(); }
  // The errno of kFailed and kBusy, otherwise 0.
  int error() const { return error_; }

 private:
  void Open();
  State Fail(int error);

  sockaddr_storage address_ = {};
  socklen_t size_ = 0;
  system::Descriptor socket_;
  bool connected_ = false;
  int error_ = 0;
};

// How a connected socket's peer is related to this machine.
enum class PeerPlace : uint8_t { kThisMachine, kElsewhere };

// Returns kThisMachine if both ends of the connection have the same address, or
// loopback addresses, or if it is a Unix socket.
PeerPlace PlaceOfPeer(int socket);

}  // namespace postern::net

#endif  // POSTERN_NET_CONNECTING_SOCKET_H_
