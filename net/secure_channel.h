// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A channel that third parties cannot read: TLS.

#ifndef POSTERN_NET_SECURE_CHANNEL_H_
#define POSTERN_NET_SECURE_CHANNEL_H_

#include <string>

#include "engine/tls_info.h"
#include "net/channel.h"

namespace postern::net {

// An interface, so that programs without TLS need not link OpenSSL. Call Read()
// and Write() only after the handshake. Bytes that arrived before the handshake
// are not returned, and nothing is returned after the end.
class SecureChannel : public Channel {
 public:
  // Continues the handshake. Returns kOk once it is complete.
  virtual Result Handshake() = 0;
  // Sends close_notify: no more bytes follow. Does not wait for the peer's.
  virtual Result Shutdown() = 0;

  // Returns the result of the handshake.
  virtual TlsInfo info() const = 0;
  // Returns why the channel ended, in one line for a log. Empty if the peer
  // ended it without an error.
  virtual std::string error() const = 0;
};

}  // namespace postern::net

#endif  // POSTERN_NET_SECURE_CHANNEL_H_
