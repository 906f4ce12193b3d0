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

const EVP_MD* Algorithm(Hash hash) {
  switch (hash) {
    case Hash::kSha1:
      return EVP_sha1();
    case Hash::kSha256:
      break;
  }
  return EVP_sha256();
}

// Returns room for a result of `algorithm`.
std::string Room(const EVP_MD* algorithm) {
  const int size = EVP_MD_get_size(algorithm);
  Must(size > 0);
  return std::string(static_cast<size_t>(size), '\0');
}

}  // namespace

static_assert(kSha256Size == SHA256_DIGEST_LENGTH);

std::string Digest(Hash hash, absl::string_view bytes) {
  const EVP_MD* const algorithm = Algorithm(hash);
  std::string digest = Room(algorithm);
  Must(EVP_Digest(Data(bytes), bytes.size(), Octets(&digest), nullptr,
                  algorithm, nullptr) == 1);
  return digest;
}

std::string Hmac(Hash hash, absl::string_view key, absl::string_view bytes) {
  const EVP_MD* const algorithm = Algorithm(hash);
  std::string digest = Room(algorithm);
  Must(HMAC(algorithm, Data(key), static_cast<int>(key.size()), Octets(bytes),
            bytes.size(), Octets(&digest), nullptr) != nullptr);
  return digest;
}

std::string Pbkdf2(Hash hash, absl::string_view password,
                   absl::string_view salt, int iterations) {
  const EVP_MD* const algorithm = Algorithm(hash);
  std::string digest = Room(algorithm);
  Must(PKCS5_PBKDF2_HMAC(Data(password), static_cast<int>(password.size()),
                         Octets(salt), static_cast<int>(salt.size()),
                         iterations, algorithm, static_cast<int>(digest.size()),
                         Octets(&digest)) == 1);
  return digest;
}

std::string Sha256(absl::string_view bytes) {
  return Digest(Hash::kSha256, bytes);
}

std::string HmacSha256(absl::string_view key, absl::string_view bytes) {
  return Hmac(Hash::kSha256, key, bytes);
}

std::string Pbkdf2Sha256(absl::string_view password, absl::string_view salt,
                         int iterations) {
  return Pbkdf2(Hash::kSha256, password, salt, iterations);
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
