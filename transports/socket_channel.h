// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A connected socket as a Channel.

#ifndef POSTERN_TRANSPORTS_SOCKET_CHANNEL_H_
#define POSTERN_TRANSPORTS_SOCKET_CHANNEL_H_

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "transports/channel.h"

namespace postern::transports {

// Neither closes the socket nor changes its flags; never waits, whether it is
// blocking or not, and never raises SIGPIPE.
class SocketChannel : public Channel {
 public:
  explicit SocketChannel(int socket) : socket_(socket) {}

  Result Read(absl::Span<char> room) override;
  Result Write(absl::string_view bytes) override;

 private:
  const int socket_;
};

}  // namespace postern::transports

#endif  // POSTERN_TRANSPORTS_SOCKET_CHANNEL_H_
