// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What a session knows about its TLS connection.

#ifndef POSTERN_ENGINE_TLS_INFO_H_
#define POSTERN_ENGINE_TLS_INFO_H_

#include <memory>
#include <string>

namespace postern {

// The negotiated TLS parameters, for logs, trace fields and policies.
struct TlsInfo {
  std::string protocol;      // "TLSv1.3"
  std::string cipher;        // "TLS_AES_256_GCM_SHA384"
  std::string peer_subject;  // of a verified client certificate, else empty
};
// Shared by a session and its snapshots. Null: no TLS.
using SharedTlsInfo = std::shared_ptr<const TlsInfo>;

}  // namespace postern

#endif  // POSTERN_ENGINE_TLS_INFO_H_
