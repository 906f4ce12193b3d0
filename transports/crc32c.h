// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The checksum of RFC 3720 12.1 and of the PROXY protocol.

#ifndef POSTERN_TRANSPORTS_CRC32C_H_
#define POSTERN_TRANSPORTS_CRC32C_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace postern::transports {

// Returns the CRC-32C (Castagnoli) of `octets`; of nothing it is 0. `before` is
// that of what stands in front of them: the checksum of a text is that of its
// parts, one after the other.
uint32_t Crc32c(absl::string_view octets, uint32_t before = 0);

}  // namespace postern::transports

#endif  // POSTERN_TRANSPORTS_CRC32C_H_
