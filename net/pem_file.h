// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A PEM file (RFC 7468) with certificates or a private key.

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

// Frees what OpenSSL has allocated.
struct PemFree {
  void operator()(x509_st* certificate) const;
  void operator()(evp_pkey_st* key) const;
};
// A certificate, and a private key. They free what they own.
using CertificatePointer = std::unique_ptr<x509_st, PemFree>;
using KeyPointer = std::unique_ptr<evp_pkey_st, PemFree>;

// The contents of a file when it was read, at most 1 MiB. The destructor wipes
// them.
class PemFile {
 public:
  // All errors of this class name the file.
  static absl::StatusOr<PemFile> Read(absl::string_view name);
  PemFile(PemFile&&) = default;
  ~PemFile();

  // Returns all certificates in the order of the file, at least one. Ignores
  // other contents. Returns InvalidArgument if there is no certificate, or if
  // one cannot be read.
  absl::StatusOr<std::vector<CertificatePointer>> Certificates() const;

  // Returns the first private key. Returns InvalidArgument if there is none, or
  // if it has a passphrase: postern never asks for a passphrase.
  absl::StatusOr<KeyPointer> Key() const;

  // Returns whether users outside of the owner and the group can read the file.
  // A key that a group can read is the way in which the user of a server reads
  // a key of root.
  bool open_to_others() const { return open_to_others_; }

 private:
  explicit PemFile(absl::string_view name) : name_(name) {}

  std::string name_;
  std::string bytes_;
  bool open_to_others_ = false;
};

}  // namespace postern::net

#endif  // POSTERN_NET_PEM_FILE_H_
