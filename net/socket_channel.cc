// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "net/socket_channel.h"

#include <errno.h>
#include <sys/socket.h>

namespace postern::net {
namespace {

using Kind = Channel::Result::Kind;

// Converts the result of recv(2) or send(2). `wait` is the result if the call
// would block.
Channel::Result Outcome(ssize_t count, Kind wait) {
  if (count > 0) return {Kind::kOk, static_cast<size_t>(count)};
  const bool would_wait =
      count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
  return {would_wait ? wait : Kind::kEnd};
}

}  // namespace

Channel::Result SocketChannel::Read(absl::Span<char> room) {
  if (turn_.over()) return {Kind::kWantRead};
  ssize_t count = 0;
  do {
    count = recv(socket_, room.data(), room.size(), MSG_DONTWAIT);
  } while (count < 0 && errno == EINTR);
  const Result result = Outcome(count, Kind::kWantRead);
  turn_.Spend(result.count);
  return result;
}

Channel::Result SocketChannel::Write(absl::string_view bytes) {
  ssize_t count = 0;
  do {
    count =
        send(socket_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (count < 0 && errno == EINTR);
  const Result result = Outcome(count, Kind::kWantWrite);
  turn_.Spend(result.count);
  return result;
}

}  // namespace postern::net
