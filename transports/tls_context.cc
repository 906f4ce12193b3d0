// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "transports/tls_context.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace postern::transports {
namespace {

// Of TLS 1.2; those of 1.3 are all good. The last are for senders of ten years
// ago, who would send in the clear.
constexpr char kCiphers[] = "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES";
constexpr char kGroups[] = "X25519:P-256:P-384";

// How clients of SMTP call their protocol, if they do. None is registered.
constexpr absl::string_view kProtocols[] = {"smtp", "esmtp"};

absl::Status OutOfMemory() {
  ERR_clear_error();
  return absl::ResourceExhaustedError("OpenSSL gives no TLS context");
}

}  // namespace

struct TlsContext::Callbacks {
  static int ChooseCertificates(SSL* ssl, void* self) {
    const auto& context = *static_cast<const TlsContext*>(self);
    const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    std::vector<const TlsCertificate*> named;
    if (name != nullptr) named = context.Named(name);
    if (named.empty()) {
      named = context.Named(context.certificates_.front().first_name());
    }
    if (named.empty()) named = {&context.certificates_.front()};
    SSL_certs_clear(ssl);  // a client may have to begin twice
    for (const TlsCertificate* certificate : named) {
      if (!certificate->Use(ssl).ok()) return 0;
    }
    return 1;
  }

  // Finds out, and goes on whatever it is. OpenSSL's own way of going on would
  // leave the last error of many, and a later step could clear it.
  static int VerifyClient(X509_STORE_CTX* store, void*) {
    // What is left in OpenSSL's queue would pass for an error of the handshake.
    ERR_set_mark();
    if (X509_verify_cert(store) != 1 &&
        X509_STORE_CTX_get_error(store) == X509_V_OK) {
      X509_STORE_CTX_set_error(store, X509_V_ERR_UNSPECIFIED);
    }
    ERR_pop_to_mark();
    return 1;
  }

  // A client that names protocols, and not ours, was led here from another
  // server by somebody between (ALPACA): RFC 7301 3.2.
  static int ChooseProtocol(SSL*, const unsigned char** chosen,
                            unsigned char* size, const unsigned char* offered,
                            unsigned int offered_size, void*) {
    absl::string_view rest(reinterpret_cast<const char*>(offered),
                           offered_size);
    while (!rest.empty()) {
      const auto length = static_cast<unsigned char>(rest.front());
      const absl::string_view name = rest.substr(1, length);
      if (std::find(std::begin(kProtocols), std::end(kProtocols), name) !=
          std::end(kProtocols)) {
        *chosen = reinterpret_cast<const unsigned char*>(name.data());
        *size = length;
        return SSL_TLSEXT_ERR_OK;
      }
      rest.remove_prefix(1 + name.size());
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
};

void TlsContext::SslFree::operator()(ssl_st* ssl) const { SSL_free(ssl); }

void TlsContext::ContextFree::operator()(ssl_ctx_st* context) const {
  SSL_CTX_free(context);
}

absl::StatusOr<std::shared_ptr<const TlsContext>> TlsContext::Make(
    const TlsOptions& options) {
  std::shared_ptr<TlsContext> context(new TlsContext);
  const absl::Status loaded = context->Load(options);
  if (!loaded.ok()) return loaded;
  return context;
}

absl::Status TlsContext::Load(const TlsOptions& options) {
  if (options.certificates.empty()) {
    return absl::InvalidArgumentError("TLS needs a certificate");
  }
  for (const TlsFiles& files : options.certificates) {
    absl::StatusOr<TlsCertificate> certificate =
        TlsCertificate::Load(files, &warnings_);
    if (!certificate.ok()) return certificate.status();
    certificates_.push_back(*std::move(certificate));
  }

  ssl_context_.reset(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* const context = ssl_context_.get();
  if (context == nullptr) return OutOfMemory();
  // What has come may be a password: nothing of it stays in freed memory.
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE |
                                   SSL_OP_CLEANSE_PLAINTEXT);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS |
                                SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  // The key of tickets differs already. This holds even if it did not.
  const std::string bound =
      absl::StrCat(options.id, "\n", options.client_ca_file);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int digest_size = 0;
  if (EVP_Digest(bound.data(), bound.size(), digest, &digest_size, EVP_sha256(),
                 nullptr) != 1 ||
      SSL_CTX_set_session_id_context(context, digest, digest_size) != 1 ||
      SSL_CTX_set_num_tickets(context, 1) != 1 ||
      SSL_CTX_set_min_proto_version(
          context, options.require_tls13 ? TLS1_3_VERSION : TLS1_2_VERSION) !=
          1 ||
      SSL_CTX_set_max_proto_version(context, 0) != 1 ||
      SSL_CTX_set_cipher_list(context, kCiphers) != 1 ||
      SSL_CTX_set1_groups_list(context, kGroups) != 1) {
    return OutOfMemory();
  }
  SSL_CTX_set_cert_cb(context, &Callbacks::ChooseCertificates, this);
  SSL_CTX_set_alpn_select_cb(context, &Callbacks::ChooseProtocol, nullptr);

  const SslPointer probe = NewServer();
  if (probe == nullptr) return OutOfMemory();
  for (const TlsCertificate& certificate : certificates_) {
    const absl::Status used = certificate.Use(probe.get());
    if (!used.ok()) return used;
  }
  return options.client_ca_file.empty() ? absl::OkStatus()
                                        : LoadClientCa(options.client_ca_file);
}

absl::Status TlsContext::LoadClientCa(const std::string& file) {
  const absl::StatusOr<PemFile> pem = PemFile::Read(file);
  if (!pem.ok()) return pem.status();
  const absl::StatusOr<std::vector<CertificatePointer>> authorities =
      pem->Certificates();
  if (!authorities.ok()) return authorities.status();
  SSL_CTX* const context = ssl_context_.get();
  for (const CertificatePointer& authority : *authorities) {
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context), authority.get()) !=
            1 ||
        SSL_CTX_add_client_CA(context, authority.get()) != 1) {
      return OutOfMemory();
    }
  }
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_cert_verify_callback(context, &Callbacks::VerifyClient, nullptr);
  return absl::OkStatus();
}

std::vector<const TlsCertificate*> TlsContext::Named(
    absl::string_view name) const {
  std::vector<const TlsCertificate*> named;
  for (const TlsCertificate& certificate : certificates_) {
    const bool has_type =
        std::any_of(named.begin(), named.end(),
                    [&certificate](const TlsCertificate* other) {
                      return other->key_type() == certificate.key_type();
                    });
    if (!has_type && certificate.Names(name)) named.push_back(&certificate);
  }
  return named;
}

TlsContext::SslPointer TlsContext::NewServer() const {
  SslPointer ssl(SSL_new(ssl_context_.get()));
  if (ssl != nullptr) SSL_set_accept_state(ssl.get());
  return ssl;
}

}  // namespace postern::transports
