// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Reads a PROXY header from a socket, and nothing that follows it.

#ifndef POSTERN_TRANSPORTS_PROXY_READER_H_
#define POSTERN_TRANSPORTS_PROXY_READER_H_

#include <cstdint>
#include <string>

#include "absl/types/span.h"
#include "engine/session_info.h"

namespace postern::transports {

struct [[nodiscard]] ProxyOutcome {
  enum class Kind : uint8_t {
    kWait,     // the header is not complete yet
    kTaken,    // the header was read, and its addresses are in `info`
    kRefused,  // no valid header: `why` is for the log
  };
  Kind kind = Kind::kWait;
  std::string why = {};
};

// Looks for a header at the beginning of what `socket` has received. `room` is
// a buffer of at least net::kMaxProxyHeader octets. With `ended`, the peer
// sends no more. Does not block. Peeks at the header and reads it only once it
// is complete, because the octets after it may belong to TLS, which reads the
// socket itself.
ProxyOutcome ReadProxyHeader(int socket, bool ended, absl::Span<char> room,
                             SessionInfo* info);

}  // namespace postern::transports

#endif  // POSTERN_TRANSPORTS_PROXY_READER_H_
