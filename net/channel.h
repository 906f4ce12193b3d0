// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The bytes of one connection, in the clear or through TLS, without waiting.

#ifndef POSTERN_NET_CHANNEL_H_
#define POSTERN_NET_CHANNEL_H_

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace postern::net {

// Thread-compatible: one thread at a time.
class Channel {
 public:
  struct [[nodiscard]] Result {
    enum class Kind : uint8_t {
      kOk,         // `count` bytes have gone through, at least one
      kWantRead,   // none can until the descriptor is readable
      kWantWrite,  // none can until it is writable
      kEnd,        // none will: the peer has ended it, or it is broken
    };
    Kind kind = Kind::kEnd;
    size_t count = 0;
  };

  virtual ~Channel() = default;

  // Reads what there is into `room`, which is not empty.
  virtual Result Read(absl::Span<char> room) = 0;
  // Writes some of `bytes`, which is not empty. Behind kWantRead or kWantWrite
  // the next call must begin with the same bytes; it may have more of them.
  virtual Result Write(absl::string_view bytes) = 0;
};

}  // namespace postern::net

#endif  // POSTERN_NET_CHANNEL_H_
