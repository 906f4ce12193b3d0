// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The arithmetic of SCRAM-SHA-256, and random bytes: OpenSSL's.

#ifndef POSTERN_AUTH_DIGEST_H_
#define POSTERN_AUTH_DIGEST_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace postern::auth {

// What the first three return has this many octets. These functions end the
// process where OpenSSL fails, which is out of memory or broken: whatever they
// returned instead could be taken for a proof.
inline constexpr size_t kSha256Size = 32;

// FIPS 180-4.
std::string Sha256(absl::string_view bytes);
// RFC 2104.
std::string HmacSha256(absl::string_view key, absl::string_view bytes);
// Hi() of RFC 5802 2.2, which is PBKDF2 (RFC 8018 5.2). `iterations` > 0: a
// million take a quarter of a second.
std::string Pbkdf2Sha256(absl::string_view password, absl::string_view salt,
                         int iterations);

// Returns `count` random octets, fit for secrets.
std::string RandomBytes(size_t count);

// Returns whether both are the same, in a time that depends on nothing but
// their sizes.
bool SameBytes(absl::string_view a, absl::string_view b);

}  // namespace postern::auth

#endif  // POSTERN_AUTH_DIGEST_H_
