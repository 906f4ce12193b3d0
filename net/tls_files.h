// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The files of a certificate. Separate from tls_certificate.h, so that programs
// without TLS can name them without linking OpenSSL.

#ifndef POSTERN_NET_TLS_FILES_H_
#define POSTERN_NET_TLS_FILES_H_

#include <string>

namespace postern::net {

// Paths. Both may name the same file.
struct TlsFiles {
  std::string chain_file;  // PEM: the certificate, then its issuers'
  std::string key_file;    // PEM, without a passphrase
};

}  // namespace postern::net

#endif  // POSTERN_NET_TLS_FILES_H_
