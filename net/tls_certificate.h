// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A server's certificate with its chain and its private key.

#ifndef POSTERN_NET_TLS_CERTIFICATE_H_
#define POSTERN_NET_TLS_CERTIFICATE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "net/pem_file.h"
#include "net/tls_files.h"

struct ssl_st;         // OpenSSL's SSL
struct ssl_ctx_st;     // OpenSSL's SSL_CTX
struct stack_st_X509;  // OpenSSL's STACK_OF(X509)

namespace postern::net {

// Immutable, so thread-safe.
class TlsCertificate {
 public:
  // Loads the files. Every error names the file. Adds to `warnings` what works
  // here but may fail at a client, each with the file's name: a key that other
  // users can read, a certificate that is not valid now or is not for servers,
  // a chain in the wrong order or without the issuer's certificate.
  static absl::StatusOr<TlsCertificate> Load(
      const TlsFiles& files, std::vector<std::string>* warnings);

  // Returns whether a client that asks for the host `name` accepts the
  // certificate. Compares `name`, ignoring case, with the alternative names, or
  // with the common name if there are none (RFC 6125 6.4.4). `*` matches one
  // whole label, only as the first label.
  bool Names(absl::string_view name) const;

  // Returns the path of its file.
  const std::string& file() const { return file_; }
  // Returns the last moment of its validity.
  absl::Time not_after() const { return not_after_; }

  // Returns its first name, for clients that ask for no host. May be empty.
  const std::string& first_name() const { return first_name_; }

  // OpenSSL's number for the type of the key: RSA, EC and so on.
  int key_type() const { return key_type_; }

  // Adds the certificate to those of `ssl`, which has one for each type of key.
  // Fails if OpenSSL considers it too weak.
  absl::Status Use(ssl_st* ssl) const;
  // Does the same for all connections of `context`.
  absl::Status Use(ssl_ctx_st* context) const;

 private:
  struct ChainFree {
    void operator()(stack_st_X509* chain) const;
  };

  TlsCertificate() = default;

  std::string file_;
  std::string first_name_;
  CertificatePointer leaf_;
  std::unique_ptr<stack_st_X509, ChainFree> chain_;
  KeyPointer key_;
  int key_type_ = 0;
  absl::Time not_after_;
};

}  // namespace postern::net

#endif  // POSTERN_NET_TLS_CERTIFICATE_H_
