// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A file of certificates or of a key, RFC 7468.

#ifndef POSTERN_NET_PEM_FILE_H_
#define POSTERN_NET_PEM_FILE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

// OpenSSL's names for X509 and EVP_PKEY.
struct x509_st;
struct evp_pkey_st;

namespace postern::net {

struct PemFree {
  void operator()(x509_st* certificate) const;
  void operator()(evp_pkey_st* key) const;
};
using CertificatePointer = std::unique_ptr<x509_st, PemFree>;
using KeyPointer = std::unique_ptr<evp_pkey_st, PemFree>;

// What the file held when it was read, at most a megabyte. The memory is wiped
// when it goes.
class PemFile {
 public:
  // Every error names the file, here and below.
  static absl::StatusOr<PemFile> Read(absl::string_view name);
  PemFile(PemFile&&) = default;
  ~PemFile();

  // Returns all certificates, in order, at least one; other things are passed
  // over. InvalidArgument if there is none, or one that cannot be read.
  absl::StatusOr<std::vector<CertificatePointer>> Certificates() const;

  // Returns the first private key. InvalidArgument if there is none, or it
  // wants a passphrase: nobody is asked for one.
  absl::StatusOr<KeyPointer> Key() const;

  // Others than the owner may read the file.
  bool open_to_others() const { return open_to_others_; }

 private:
  explicit PemFile(absl::string_view name) : name_(name) {}

  std::string name_;
  std::string bytes_;
  bool open_to_others_ = false;
};

}  // namespace postern::net

#endif  // POSTERN_NET_PEM_FILE_H_
