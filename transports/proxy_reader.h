// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Takes a PROXY header off a socket, and nothing that comes after it.

#ifndef POSTERN_TRANSPORTS_PROXY_READER_H_
#define POSTERN_TRANSPORTS_PROXY_READER_H_

#include <cstdint>
#include <string>

#include "absl/types/span.h"
#include "engine/session_info.h"

namespace postern::transports {

struct [[nodiscard]] ProxyOutcome {
  enum class Kind : uint8_t {
    kWait,     // for more of it
    kTaken,    // it is gone from the socket, and its addresses are in the facts
    kRefused,  // there is none, or none that can be read: `why`, for a log
  };
  Kind kind = Kind::kWait;
  std::string why = {};
};

// Looks for a header at the begin of what `socket` has received, through
// `room`, which has kMaxProxyHeader octets at least. With `ended`, the peer
// sends no more. Does not wait. The header is looked at where it is and taken
// when it is complete, since what comes after it may be for TLS, which reads
// the socket itself.
ProxyOutcome ReadProxyHeader(int socket, bool ended, absl::Span<char> room,
                             SessionInfo* info);

}  // namespace postern::transports

#endif  // POSTERN_TRANSPORTS_PROXY_READER_H_
