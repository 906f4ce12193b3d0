// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A connected socket as a Channel, for event loops.

#ifndef POSTERN_NET_SOCKET_CHANNEL_H_
#define POSTERN_NET_SOCKET_CHANNEL_H_

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "net/channel.h"
#include "net/turn.h"

namespace postern::net {

// Neither closes the socket nor changes its flags. Never blocks, even if the
// socket is blocking, and never raises SIGPIPE.
//
// Counts each call in a Turn. Once the turn is over, Read() returns kWantRead
// even if bytes are available. So the layer above, such as TLS, which reads
// until it has what it needs, stops as well.
class SocketChannel : public Channel {
 public:
  // `turn` must outlive the channel.
  SocketChannel(int socket, Turn* turn) : socket_(socket), turn_(*turn) {}

  Result Read(absl::Span<char> room) override;
  Result Write(absl::string_view bytes) override;

 private:
  const int socket_;
  Turn& turn_;
};

}  // namespace postern::net

#endif  // POSTERN_NET_SOCKET_CHANNEL_H_
