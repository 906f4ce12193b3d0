// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Moves the bytes of one connection, with or without TLS.

#ifndef POSTERN_NET_CHANNEL_H_
#define POSTERN_NET_CHANNEL_H_

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace postern::net {

// Thread-compatible: one thread may use a channel at a time.
class Channel {
 public:
  // What became of an operation.
  struct [[nodiscard]] Result {
    // Whether it has succeeded, and what to wait for if it has not.
    enum class Kind : uint8_t {
      kOk,         // `count` bytes were moved, at least one
      kWantRead,   // call again when the descriptor is readable
      kWantWrite,  // call again when it is writable
      kEnd,        // the peer ended the connection, or it failed
    };
    Kind kind = Kind::kEnd;  // whether bytes were moved, and why not
    // Octets that were read or written, if `kind` is kOk.
    size_t count = 0;
  };

  virtual ~Channel() = default;

  // Reads the bytes that are available into `room`, which is not empty.
  virtual Result Read(absl::Span<char> room) = 0;
  // Writes some of `bytes`, which is not empty. After kWantRead or kWantWrite
  // the next call must begin with the same bytes. It may have more of them.
  virtual Result Write(absl::string_view bytes) = 0;
};

}  // namespace postern::net

#endif  // POSTERN_NET_CHANNEL_H_
