// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "net/connecting_socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <optional>

#include "net/socket_address.h"

namespace postern::net {
namespace {

bool IsLoopback(const IpAddress& address) {
  const IpAddress::Bytes& bytes = address.bytes();
  if (address.v4()) return bytes[12] == 127;
  return bytes.back() == 1 &&
         std::all_of(bytes.begin(), bytes.end() - 1,
                     [](uint8_t each) { return each == 0; });
}

}  // namespace

ConnectingSocket::ConnectingSocket(const IpAddress& address, uint16_t port)
    : size_(MakeSocketAddress(address, port, &address_)) {
  Open();
  if (!socket_.is_open()) return;
  const int on = 1;
  (void)setsockopt(socket(), IPPROTO_TCP, TCP_NODELAY, &on,
                   sizeof(on));  // only slower without it
}

ConnectingSocket::ConnectingSocket(absl::string_view path)
    : size_(MakeUnixAddress(path, &address_)) {
  Open();
}

void ConnectingSocket::Open() {
  socket_.Reset(::socket(address_.ss_family,
                         SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket_.is_open()) error_ = errno;
}

ConnectingSocket::State ConnectingSocket::Fail(int error) {
  error_ = error;
  return State::kFailed;
}

ConnectingSocket::State ConnectingSocket::Connect() {
  if (!socket_.is_open()) return State::kFailed;
  error_ = 0;
  if (connect(socket(), reinterpret_cast<sockaddr*>(&address_), size_) == 0) {
    connected_ = true;
    return State::kConnected;
  }
  if (errno == EINPROGRESS) return State::kPending;
  error_ = errno;
  // unix(7) has no EINPROGRESS: EAGAIN means that the backlog is full.
  return errno == EAGAIN && address_.ss_family == AF_UNIX ? State::kBusy
                                                          : State::kFailed;
}

ConnectingSocket::State ConnectingSocket::Check() {
  if (error_ != 0) return State::kFailed;
  if (connected_) return State::kConnected;
  int error = 0;
  socklen_t size = sizeof(error);
  if (getsockopt(socket(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
    return Fail(errno);
  }
  if (error != 0) return Fail(error);
  sockaddr_storage peer;
  size = sizeof(peer);
  if (getpeername(socket(), reinterpret_cast<sockaddr*>(&peer), &size) != 0) {
    return State::kPending;
  }
  connected_ = true;
  return State::kConnected;
}

PeerPlace PlaceOfPeer(int socket) {
  sockaddr_storage own = {};
  sockaddr_storage peer = {};
  socklen_t own_size = sizeof(own);
  socklen_t peer_size = sizeof(peer);
  if (getsockname(socket, reinterpret_cast<sockaddr*>(&own), &own_size) != 0 ||
      getpeername(socket, reinterpret_cast<sockaddr*>(&peer), &peer_size) !=
          0) {
    return PeerPlace::kElsewhere;
  }
  if (own.ss_family == AF_UNIX) return PeerPlace::kThisMachine;
  std::optional<IpAddress> from;
  std::optional<IpAddress> to;
  uint16_t port = 0;
  ReadSocketAddress(own, &from, &port);
  ReadSocketAddress(peer, &to, &port);
  const bool same =
      from && to && (from == to || (IsLoopback(*from) && IsLoopback(*to)));
  return same ? PeerPlace::kThisMachine : PeerPlace::kElsewhere;
}

}  // namespace postern::net
