// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The checksum CRC-32C (RFC 3720 12.1), which the PROXY protocol uses.

#ifndef POSTERN_NET_CRC32C_H_
#define POSTERN_NET_CRC32C_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace postern::net {

// Returns the CRC-32C (Castagnoli) of `octets`, 0 for an empty text. To compute
// the checksum of a text in pieces, pass the checksum of the pieces before
// `octets` as `before`.
uint32_t Crc32c(absl::string_view octets, uint32_t before = 0);

}  // namespace postern::net

#endif  // POSTERN_NET_CRC32C_H_
