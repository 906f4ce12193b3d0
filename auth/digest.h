// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The hash functions of SCRAM, and random bytes, from OpenSSL.

#ifndef POSTERN_AUTH_DIGEST_H_
#define POSTERN_AUTH_DIGEST_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace postern::auth {

// SHA-1 is for servers with nothing newer. In SCRAM its weakness, collisions,
// does not matter.
enum class Hash : uint8_t { kSha1, kSha256 };

// FIPS 180-4; RFC 2104; and Hi() of RFC 5802 2.2, which is PBKDF2 (RFC 8018
// 5.2). `iterations` must be positive. A million iterations take a quarter of a
// second. These functions abort as the next ones do.
std::string Digest(Hash hash, absl::string_view bytes);
std::string Hmac(Hash hash, absl::string_view key, absl::string_view bytes);
std::string Pbkdf2(Hash hash, absl::string_view password,
                   absl::string_view salt, int iterations);

// The size of the results of the next three functions. These functions and
// RandomBytes() abort the process if OpenSSL fails, which happens if memory is
// exhausted or the library is broken. Another result could be taken as a proof.
inline constexpr size_t kSha256Size = 32;

// With Hash::kSha256.
std::string Sha256(absl::string_view bytes);
std::string HmacSha256(absl::string_view key, absl::string_view bytes);
std::string Pbkdf2Sha256(absl::string_view password, absl::string_view salt,
                         int iterations);

// Returns `count` random octets that may be used for secrets.
std::string RandomBytes(size_t count);

// Returns true if both are equal. The time depends only on their sizes.
bool SameBytes(absl::string_view a, absl::string_view b);

}  // namespace postern::auth

#endif  // POSTERN_AUTH_DIGEST_H_
