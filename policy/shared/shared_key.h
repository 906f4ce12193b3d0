// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Text of clients as a part of a key in the shared state.

#ifndef POSTERN_POLICY_SHARED_SHARED_KEY_H_
#define POSTERN_POLICY_SHARED_SHARED_KEY_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace postern::policy {

inline constexpr size_t kMaxSharedKey = 80;

// Returns a printable text without ':' and blanks, of at most kMaxSharedKey
// octets, which differs for different texts. Letters, digits and "._@+=/-" stay
// as they are, and other octets become %XX. If that is longer, the result is
// '~' and the SHA-256 of `text` in hexadecimal digits.
std::string SharedKey(absl::string_view text);

}  // namespace postern::policy

#endif  // POSTERN_POLICY_SHARED_SHARED_KEY_H_
