// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/shared/shared_key.h"

#include <openssl/evp.h>

#include <array>
#include <cstdint>

#include "absl/base/optimization.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace postern::policy {

std::string SharedKey(absl::string_view text) {
  std::string key;
  for (const char c : text) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
        absl::StrContains("._@+=/-", c)) {
      key += c;
    } else {
      absl::StrAppend(&key, "%",
                      absl::Hex(static_cast<uint8_t>(c), absl::kZeroPad2));
    }
    if (key.size() > kMaxSharedKey) break;
  }
  if (key.size() <= kMaxSharedKey) return key;
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest = {};
  unsigned size = 0;
  // Fails only if memory is exhausted. Another key could be one in use.
  ABSL_HARDENING_ASSERT(EVP_Digest(text.data(), text.size(), digest.data(),
                                   &size, EVP_sha256(), nullptr) == 1);
  std::string hashed(1, '~');
  for (unsigned i = 0; i < size; ++i) {
    absl::StrAppend(&hashed, absl::Hex(digest[i], absl::kZeroPad2));
  }
  return hashed;
}

}  // namespace postern::policy
