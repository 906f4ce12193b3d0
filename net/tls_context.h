// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The state that all TLS connections of a listener share: RFC 3207, RFC 8314,
// with OpenSSL.

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

struct TlsOptions : TlsSettings {
  // Names the listener. With a context for each listener, a session is resumed
  // where it began and nowhere else.
  std::string id;
  // At least one. A client gets, of each type of key, the first that names the
  // host it asks for (RFC 6066 3), so RSA and ECDSA may stand side by side:
  // ECDSA is taken where the client can. Who asks for no host, or for one that
  // none names, is served as if it had asked for the first name of the first.
  std::vector<TlsFiles> certificates;
  // PEM: who signs the certificates of clients. With it clients are asked for
  // one; none is refused for having none, or one of somebody else's: mail is
  // sent with whatever certificate is at hand, and a refusal would have it come
  // in the clear. Only a verified one has a TlsInfo::peer_subject.
  std::string client_ca_file;
};

// Returns InvalidArgument if the cipher list of `settings` cannot be used: if
// one of its words matches no cipher of this OpenSSL, or if nothing is left of
// the whole. Words that exclude or move ciphers (!, -, +) may match none: lists
// exclude ciphers that OpenSSL no longer has.
absl::Status CheckTlsSettings(const TlsSettings& settings);

// Immutable, so thread-safe. Reads its files once: a reload is a new context,
// and connections keep the one that they began with.
//
// No renegotiation, no compression, no early data; forward secrecy always,
// unless TlsOptions::ciphers gives it up. The server's order of ciphers counts,
// AES-128-GCM with SHA-256 first, since the order that most clients send is
// only their library's default. A client that has ChaCha20-Poly1305 first means
// it, because it has no hardware for AES, and gets it. The key of tickets is
// made at random with the context and goes with it.
class TlsContext {
 public:
  // Every error names the file, but for those of CheckTlsSettings().
  static absl::StatusOr<std::shared_ptr<const TlsContext>> Make(
      const TlsOptions& options);

  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  // What works and is probably a mistake: a line for each. It names the file,
  // if it is about one.
  const std::vector<std::string>& warnings() const { return warnings_; }

  struct SslFree {
    void operator()(ssl_st* ssl) const;
  };
  using SslPointer = std::unique_ptr<ssl_st, SslFree>;

  // Returns the server's side of a new connection, which must not outlive this;
  // null if there is no memory.
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
  // Returns the certificates for a client that asks for `name`, each with a key
  // of its own type.
  std::vector<const TlsCertificate*> Named(absl::string_view name) const;
  void WarnOfUselessCiphers();

  std::vector<TlsCertificate> certificates_;
  // For clients that ask for no host, or for one that no certificate names. The
  // context has them already, so such a client costs no work.
  std::vector<const TlsCertificate*> default_;
  std::vector<std::string> warnings_;
  std::unique_ptr<ssl_ctx_st, ContextFree> ssl_context_;
};

}  // namespace postern::net

#endif  // POSTERN_NET_TLS_CONTEXT_H_
