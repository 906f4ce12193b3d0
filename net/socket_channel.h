// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A connected socket as a Channel.

#ifndef POSTERN_NET_SOCKET_CHANNEL_H_
#define POSTERN_NET_SOCKET_CHANNEL_H_

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "net/channel.h"
#include "net/turn.h"

namespace postern::net {

// Neither closes the socket nor changes its flags; never waits, whether it is
// blocking or not, and never raises SIGPIPE.
//
// Each call is counted in a Turn. Once that is over, Read() gives kWantRead
// although there may be something to read. So a layer above that reads until
// it has what it wants, as TLS does, ends its work as well.
class SocketChannel : public Channel {
 public:
  // `turn` must outlive it.
  SocketChannel(int socket, Turn* turn) : socket_(socket), turn_(*turn) {}

  Result Read(absl::Span<char> room) override;
  Result Write(absl::string_view bytes) override;

 private:
  const int socket_;
  Turn& turn_;
};

}  // namespace postern::net

#endif  // POSTERN_NET_SOCKET_CHANNEL_H_
