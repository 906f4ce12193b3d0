// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <cstdlib>

namespace postern::auth {
namespace {

// For OpenSSL's HMAC() a null key has another meaning than an empty one.
const char* Data(absl::string_view bytes) {
  return bytes.empty() ? "" : bytes.data();
}

const unsigned char* Octets(absl::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(Data(bytes));
}

unsigned char* Octets(std::string* bytes) {
  return reinterpret_cast<unsigned char*>(bytes->data());
}

void Must(bool ok) {
  if (!ok) abort();
}

}  // namespace

static_assert(kSha256Size == SHA256_DIGEST_LENGTH);

std::string Sha256(absl::string_view bytes) {
  std::string digest(kSha256Size, '\0');
  Must(SHA256(Octets(bytes), bytes.size(), Octets(&digest)) != nullptr);
  return digest;
}

std::string HmacSha256(absl::string_view key, absl::string_view bytes) {
  std::string digest(kSha256Size, '\0');
  Must(HMAC(EVP_sha256(), Data(key), static_cast<int>(key.size()),
            Octets(bytes), bytes.size(), Octets(&digest), nullptr) != nullptr);
  return digest;
}

std::string Pbkdf2Sha256(absl::string_view password, absl::string_view salt,
                         int iterations) {
  std::string digest(kSha256Size, '\0');
  Must(PKCS5_PBKDF2_HMAC(
           Data(password), static_cast<int>(password.size()), Octets(salt),
           static_cast<int>(salt.size()), iterations, EVP_sha256(),
           static_cast<int>(digest.size()), Octets(&digest)) == 1);
  return digest;
}

std::string RandomBytes(size_t count) {
  std::string bytes(count, '\0');
  Must(RAND_bytes(Octets(&bytes), static_cast<int>(count)) == 1);
  return bytes;
}

bool SameBytes(absl::string_view a, absl::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(Data(a), Data(b), a.size()) == 0;
}

}  // namespace postern::auth
