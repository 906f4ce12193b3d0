// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Makes certificates for tests.

#ifndef POSTERN_NET_TEST_CERTIFICATES_H_
#define POSTERN_NET_TEST_CERTIFICATES_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "net/issued_certificate.h"
#include "net/tls_files.h"

namespace postern::net {

// A temporary directory of PEM files. The destructor removes it.
class TestCertificates {
 public:
  using Key = CertificateRequest::Key;

  struct Request {
    Key key = Key::kEcdsaP256;
    std::string common_name;
    std::vector<std::string> host_names;  // alternative names
    std::string issuer;  // file name of the issuer; empty: self-signed
    // Extensions in OpenSSL's form: "clientAuth", "caIssuers;URI:http://a/b".
    std::string extended_key_usage;
    std::string authority_access;
    bool authority = true;  // can be the issuer of others
    int first_day = -1;  // of its validity, relative to today
    int last_day = 1;
  };

  TestCertificates();
  ~TestCertificates();
  TestCertificates(const TestCertificates&) = delete;
  TestCertificates& operator=(const TestCertificates&) = delete;

  // Writes FILE.pem and FILE.key, which only the owner may read.
  TlsFiles Make(const std::string& file, const Request& request);

  // Writes any file. Returns its path.
  std::string Write(const std::string& file, absl::string_view bytes);

  std::string Path(const std::string& file) const;

 private:
  std::string folder_;
};

}  // namespace postern::net

#endif  // POSTERN_NET_TEST_CERTIFICATES_H_
