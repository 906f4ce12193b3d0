// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A server's certificate, with the chain that is sent behind it, and its key.

#ifndef POSTERN_NET_TLS_CERTIFICATE_H_
#define POSTERN_NET_TLS_CERTIFICATE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "net/pem_file.h"
#include "net/tls_files.h"

struct ssl_st;         // OpenSSL's SSL
struct ssl_ctx_st;     // OpenSSL's SSL_CTX
struct stack_st_X509;  // OpenSSL's STACK_OF(X509)

namespace postern::net {

// Immutable, so thread-safe.
class TlsCertificate {
 public:
  // Every error names the file. What works here, and may not work at a client,
  // goes to `warnings`, and names the file as well: a key that others may read,
  // a certificate that is not valid now or is not for servers, a chain in the
  // wrong order or without the issuer's certificate.
  static absl::StatusOr<TlsCertificate> Load(
      const TlsFiles& files, std::vector<std::string>* warnings);

  // Returns whether a client that asks for the host `name` will take it: by
  // its alternative names, by its common name where it has none (RFC 6125
  // 6.4.4), case apart. `*` stands for one whole label, the first.
  bool Names(absl::string_view name) const;

  // Returns its first name: for a client that asks for none. May be empty.
  const std::string& first_name() const { return first_name_; }

  // Of the key: OpenSSL's number of RSA, EC and so on.
  int key_type() const { return key_type_; }

  // Lets `ssl` use it beside others with keys of another type. Fails where
  // OpenSSL finds it too weak.
  absl::Status Use(ssl_st* ssl) const;
  // The same for all connections of `context`.
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
};

}  // namespace postern::net

#endif  // POSTERN_NET_TLS_CERTIFICATE_H_
