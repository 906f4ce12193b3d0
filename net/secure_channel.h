// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A channel that others cannot read: TLS.

#ifndef POSTERN_NET_SECURE_CHANNEL_H_
#define POSTERN_NET_SECURE_CHANNEL_H_

#include <string>

#include "engine/event.h"
#include "net/channel.h"

namespace postern::net {

// An interface, so that programs without TLS need not link it. Read() and
// Write() are for after the handshake. What has come in the clear before is
// not seen, and behind an end nothing is.
class SecureChannel : public Channel {
 public:
  // Goes on with the handshake; kOk once it is done.
  virtual Result Handshake() = 0;
  // Tells the peer that no more will come. Does not wait for its answer.
  virtual Result Shutdown() = 0;

  // What the handshake has come to.
  virtual TlsInfo info() const = 0;
  // Why there is nothing more, in one line for a log; empty where the peer has
  // just ended it.
  virtual std::string error() const = 0;
};

}  // namespace postern::net

#endif  // POSTERN_NET_SECURE_CHANNEL_H_
