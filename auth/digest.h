// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The hash functions of SCRAM-SHA-256, and random bytes, from OpenSSL.

#ifndef POSTERN_AUTH_DIGEST_H_
#define POSTERN_AUTH_DIGEST_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace postern::auth {

// The size of the results of the next three functions. These functions and
// RandomBytes() abort the process if OpenSSL fails, which happens if memory is
// exhausted or the library is broken. Another result could be taken as a proof.
inline constexpr size_t kSha256Size = 32;

// FIPS 180-4.
std::string Sha256(absl::string_view bytes);
// RFC 2104.
std::string HmacSha256(absl::string_view key, absl::string_view bytes);
// Hi() of RFC 5802 2.2, which is PBKDF2 (RFC 8018 5.2). `iterations` must be
// positive. A million iterations take a quarter of a second.
std::string Pbkdf2Sha256(absl::string_view password, absl::string_view salt,
                         int iterations);

// Returns `count` random octets that may be used for secrets.
std::string RandomBytes(size_t count);

// Returns true if both are equal. The time depends only on their sizes.
bool SameBytes(absl::string_view a, absl::string_view b);

}  // namespace postern::auth

#endif  // POSTERN_AUTH_DIGEST_H_
