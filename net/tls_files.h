// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The files of a certificate. Apart, so that programs without TLS can name them
// and need not link it.

#ifndef POSTERN_NET_TLS_FILES_H_
#define POSTERN_NET_TLS_FILES_H_

#include <string>

namespace postern::net {

// Where they are. May be one file.
struct TlsFiles {
  std::string chain_file;  // PEM: the server's certificate, then its issuers'
  std::string key_file;    // PEM, without a passphrase
};

}  // namespace postern::net

#endif  // POSTERN_NET_TLS_FILES_H_
