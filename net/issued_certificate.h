// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Makes certificates with new keys, for tests and test servers.

#ifndef POSTERN_NET_ISSUED_CERTIFICATE_H_
#define POSTERN_NET_ISSUED_CERTIFICATE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace postern::net {

// The two contents of TlsFiles.
struct IssuedCertificate {
  std::string certificate;  // PEM
  std::string key;          // PEM, without a passphrase
};

struct CertificateRequest {
  enum class Key : uint8_t { kRsa1024, kRsa2048, kEcdsaP256 };

  Key key = Key::kEcdsaP256;
  std::string organization;  // of the subject
  std::string common_name;
  // Alternative names: host names, and IP addresses in their text form.
  std::vector<std::string> names;
  // Extensions in OpenSSL's form: "clientAuth", "caIssuers;URI:http://a/b".
  std::string extended_key_usage;
  std::string authority_access;
  bool authority = false;  // it may sign others
  int first_day = -1;      // of its validity, relative to today
  int last_day = 30;
};

// Returns a certificate for a new key. If `issuer` is null, the certificate is
// signed by itself; otherwise `issuer` has made it. kInvalidArgument: a name or
// an extension that OpenSSL does not accept, or an issuer that cannot be read.
absl::StatusOr<IssuedCertificate> IssueCertificate(
    const CertificateRequest& request, const IssuedCertificate* issuer);

}  // namespace postern::net

#endif  // POSTERN_NET_ISSUED_CERTIFICATE_H_
