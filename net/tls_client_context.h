// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The state that all TLS connections to one destination share (RFC 3207,
// RFC 8314), made with OpenSSL.

#ifndef POSTERN_NET_TLS_CLIENT_CONTEXT_H_
#define POSTERN_NET_TLS_CLIENT_CONTEXT_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "net/tls_context.h"

namespace postern::net {

// How a client verifies servers, and what it presents.
struct TlsClientOptions {
  // Otherwise any certificate is accepted. TLS then protects against third
  // parties that only read, and not against one that poses as the server.
  bool verify = true;
  // PEM file of the authorities that sign the server's certificate. The
  // certificate itself may be in it. Empty: the authorities of the system.
  std::string ca_file;
  // SHA-256 of certificates in DER, as 64 hexadecimal digits in lower case. If
  // there are any, a certificate is right if it has one of them: its name, its
  // dates and who signed it do not count.
  std::vector<std::string> fingerprints;
};

// Immutable, so thread-safe. Reads its file once.
//
// TLS 1.2 or newer. No renegotiation, no compression, no early data. Sessions
// are not resumed: each connection verifies its server.
class TlsClientContext {
 public:
  // Every error about a file names it.
  static absl::StatusOr<std::shared_ptr<const TlsClientContext>> Make(
      const TlsClientOptions& options);

  TlsClientContext(const TlsClientContext&) = delete;
  TlsClientContext& operator=(const TlsClientContext&) = delete;

  // What works but is probably a mistake, one line each. A line about a file
  // names it.
  const std::vector<std::string>& warnings() const { return warnings_; }

  // Equal for contexts that accept the same certificates. Octets.
  const std::string& version() const { return version_; }

  // Returns the client's side of a new connection, or null if memory is
  // exhausted. `name` is a host name or an IP address: the server is asked for
  // the host name (RFC 6066 3), and its certificate must have the name or the
  // address as a subject alternative name (RFC 9525 6). With fingerprints, and
  // without verification, it may be empty. The result must not outlive the
  // context.
  TlsContext::SslPointer NewClient(const std::string& name) const;

 private:
  struct Callbacks;
  struct ContextFree {
    void operator()(ssl_ctx_st* context) const;
  };

  TlsClientContext() = default;

  absl::Status Load(const TlsClientOptions& options);
  absl::Status LoadAuthorities(const std::string& file);

  bool by_name_ = false;
  std::vector<std::string> fingerprints_;
  std::string version_;
  std::vector<std::string> warnings_;
  std::unique_ptr<ssl_ctx_st, ContextFree> ssl_context_;
};

// Returns why the verification of a server's certificate failed, in a few words
// that are valid forever.
absl::string_view VerificationError(const ssl_st* ssl);

}  // namespace postern::net

#endif  // POSTERN_NET_TLS_CLIENT_CONTEXT_H_
