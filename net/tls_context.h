// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The state that all TLS connections of a listener share (RFC 3207, RFC 8314),
// made with OpenSSL.

#ifndef POSTERN_NET_TLS_CONTEXT_H_
#define POSTERN_NET_TLS_CONTEXT_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "net/tls_certificate.h"
#include "net/tls_files.h"
#include "net/tls_settings.h"

struct ssl_ctx_st;  // OpenSSL's SSL_CTX

namespace postern::net {

// The certificates and settings of a listener.
struct TlsOptions : TlsSettings {
  // Names the listener. Each listener has its own context, so a session is
  // resumed at the listener where it began, and at no other.
  std::string id;
  // At least one. For each type of key, a client gets the first certificate
  // that names the host that it asks for (RFC 6066 3). So RSA and ECDSA
  // certificates may be configured together; the server prefers ECDSA if the
  // client supports it. A client that asks for no host, or for a host that no
  // certificate names, is served as if it had asked for the first name of the
  // first certificate.
  std::vector<TlsFiles> certificates;
  // PEM file of the authorities that sign clients' certificates. If it is set,
  // the server requests a certificate from clients. It refuses no client
  // without one or with one from another authority: mail servers present any
  // certificate that they have, and after a refusal they would send without
  // TLS. Only a verified certificate sets TlsInfo::peer_subject.
  std::string client_ca_file;
};

// Returns InvalidArgument if the cipher list of `settings` cannot be used: if a
// word matches no cipher of this OpenSSL, or if the whole list is empty. Words
// that exclude or move ciphers (!, -, +) may match none, because lists often
// exclude ciphers that OpenSSL no longer has.
absl::Status CheckTlsSettings(const TlsSettings& settings);

// Immutable, so thread-safe. Reads its files once. A reload makes a new
// context, and existing connections keep theirs.
//
// No renegotiation, no compression, no early data. All ciphers have forward
// secrecy, unless TlsOptions::ciphers adds others. The server's order of
// ciphers applies, with AES-128-GCM and SHA-256 first, because the order of
// most clients is only the default of their library. A client that puts
// ChaCha20-Poly1305 first probably has no hardware for AES, and gets
// ChaCha20-Poly1305. The key for tickets is random, and is made and destroyed
// with the context.
class TlsContext {
 public:
  // Every error about a file names it.
  static absl::StatusOr<std::shared_ptr<const TlsContext>> Make(
      const TlsOptions& options);

  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  // What works but is probably a mistake, one line each. A line about a file
  // names it.
  const std::vector<std::string>& warnings() const { return warnings_; }

  // The certificates, in the order of TlsOptions. Valid as long as the object.
  const std::vector<TlsCertificate>& certificates() const {
    return certificates_;
  }

  // Frees a connection of OpenSSL.
  struct SslFree {
    void operator()(ssl_st* ssl) const;
  };
  // A connection of OpenSSL. Frees what it owns.
  using SslPointer = std::unique_ptr<ssl_st, SslFree>;

  // Returns the server's side of a new connection, or null if memory is
  // exhausted. It must not outlive the context.
  SslPointer NewServer() const;

 private:
  struct Callbacks;
  struct ContextFree {
    void operator()(ssl_ctx_st* context) const;
  };

  TlsContext() = default;

  absl::Status Load(const TlsOptions& options);
  absl::Status LoadClientCa(const std::string& file);
  absl::Status LoadCertificates(const TlsOptions& options, int security_level);
  // Returns the certificates for a client that asks for `name`, at most one for
  // each type of key.
  std::vector<const TlsCertificate*> Named(absl::string_view name) const;
  void WarnOfUselessCiphers();

  std::vector<TlsCertificate> certificates_;
  // For clients that ask for no host, or for one that no certificate names.
  // They are set in the context, so such a client costs no extra work.
  std::vector<const TlsCertificate*> default_;
  std::vector<std::string> warnings_;
  std::unique_ptr<ssl_ctx_st, ContextFree> ssl_context_;
};

}  // namespace postern::net

#endif  // POSTERN_NET_TLS_CONTEXT_H_
