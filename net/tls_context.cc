// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "net/tls_context.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace postern::net {
namespace {

// For TLS 1.2 and older. The last ones are for senders of ten years ago, which
// would otherwise send without TLS.
constexpr char kCiphers[] =
    "ECDHE+AESGCM+AES128:ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES";
// For TLS 1.3. OpenSSL's order begins with AES-256 and SHA-384, which cost more
// in each of the many key derivations of a handshake.
constexpr char kSuites[] =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
    "TLS_CHACHA20_POLY1305_SHA256";
constexpr char kGroups[] = "X25519:P-256:P-384";

// The names that SMTP clients send in ALPN, if any. None is registered.
constexpr absl::string_view kProtocols[] = {"smtp", "esmtp"};

// This word in a cipher list sets OpenSSL's security level.
constexpr absl::string_view kLevel = "@SECLEVEL=";

int ProtocolVersion(TlsVersion version) {
  switch (version) {
    case TlsVersion::kTls10:
      return TLS1_VERSION;
    case TlsVersion::kTls11:
      return TLS1_1_VERSION;
    case TlsVersion::kTls12:
      return TLS1_2_VERSION;
    case TlsVersion::kTls13:
      break;
  }
  return TLS1_3_VERSION;
}

absl::Status OutOfMemory() {
  ERR_clear_error();
  return absl::ResourceExhaustedError("OpenSSL cannot create a TLS context");
}

// OpenSSL skips words of a cipher list that it does not know, so a misspelt
// word would show only in failed handshakes. Therefore each word is tried
// alone. Changes the security level of `scratch`.
absl::Status CheckWords(absl::string_view ciphers, SSL_CTX* scratch) {
  for (absl::string_view word :
       absl::StrSplit(ciphers, absl::ByAnyChar(":,; "), absl::SkipEmpty())) {
    const absl::string_view name = word.substr(0, word.find('@'));
    if (name.empty() || absl::StrContains("!-+", name.substr(0, 1))) continue;
    const std::string alone = absl::StrCat(name, kLevel, "0");
    if (SSL_CTX_set_cipher_list(scratch, alone.c_str()) == 1) continue;
    ERR_clear_error();
    return absl::InvalidArgumentError(
        absl::StrCat("OpenSSL has no cipher that matches ", name));
  }
  return absl::OkStatus();
}

absl::Status SetCiphers(const TlsSettings& settings, SSL_CTX* context) {
  const int level = SSL_CTX_get_security_level(context);
  std::string ciphers = settings.ciphers;
  if (ciphers.empty()) {
    ciphers = kCiphers;
  } else {
    const absl::Status status = CheckWords(ciphers, context);
    if (!status.ok()) return status;
  }
  // TLS 1.1 and older need signatures with SHA-1, which need level 0. The list
  // below may set another level.
  SSL_CTX_set_security_level(
      context, settings.min_version < TlsVersion::kTls12 ? 0 : level);
  // Without authentication, an attacker between client and server could pose as
  // the server. Without encryption, the network could read passwords.
  absl::StrAppend(&ciphers, ":!aNULL:!eNULL");
  if (SSL_CTX_set_cipher_list(context, ciphers.c_str()) == 1) {
    return absl::OkStatus();
  }
  const char* const reason = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  return absl::InvalidArgumentError(
      absl::StrCat(ciphers, ": ", reason != nullptr ? reason : "refused"));
}

// Returns whether `cipher`, a cipher of TLS 1.2 or older, can be used with a
// certificate whose key has the type `type`.
bool Fits(const SSL_CIPHER* cipher, int type) {
  switch (SSL_CIPHER_get_auth_nid(cipher)) {
    case NID_auth_rsa:
      return type == EVP_PKEY_RSA || type == EVP_PKEY_RSA_PSS;
    case NID_auth_ecdsa:
      return type == EVP_PKEY_EC || type == EVP_PKEY_ED25519 ||
             type == EVP_PKEY_ED448;
    default:
      return false;
  }
}

}  // namespace

struct TlsContext::Callbacks {
  static int ChooseCertificates(SSL* ssl, void* self) {
    const auto& context = *static_cast<const TlsContext*>(self);
    const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    std::vector<const TlsCertificate*> named;
    if (name != nullptr) named = context.Named(name);
    if (named.empty()) named = context.default_;
    // After a HelloRetryRequest a client may ask for another host.
    const bool begun_again = SSL_get_app_data(ssl) != nullptr;
    if (named == context.default_ && !begun_again) return 1;
    SSL_set_app_data(ssl, self);
    SSL_certs_clear(ssl);
    for (const TlsCertificate* certificate : named) {
      if (!certificate->Use(ssl).ok()) return 0;
    }
    return 1;
  }

  // Verifies the certificate and continues with any result. OpenSSL's way to
  // continue would keep only the last of several errors, and a later step could
  // clear it.
  static int VerifyClient(X509_STORE_CTX* store, void*) {
    // An error left in OpenSSL's queue would count as an error of the
    // handshake.
    ERR_set_mark();
    if (X509_verify_cert(store) != 1 &&
        X509_STORE_CTX_get_error(store) == X509_V_OK) {
      X509_STORE_CTX_set_error(store, X509_V_ERR_UNSPECIFIED);
    }
    ERR_pop_to_mark();
    return 1;
  }

  // If a client offers protocols but not SMTP, a third party has redirected it
  // from another server (ALPACA). RFC 7301 3.2 refuses it.
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

absl::Status CheckTlsSettings(const TlsSettings& settings) {
  SSL_CTX* const context = SSL_CTX_new(TLS_server_method());
  if (context == nullptr) return OutOfMemory();
  absl::Status status = SetCiphers(settings, context);
  SSL_CTX_free(context);
  return status;
}

absl::Status TlsContext::Load(const TlsOptions& options) {
  ssl_context_.reset(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* const context = ssl_context_.get();
  if (context == nullptr) return OutOfMemory();
  // CLEANSE_PLAINTEXT: a client may send a password, and freed memory must not
  // contain any of it.
  SSL_CTX_set_options(
      context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                   SSL_OP_CLEANSE_PLAINTEXT |
                   (options.tickets ? uint64_t{0} : SSL_OP_NO_TICKET));
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS |
                                SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  // TlsSettings::ciphers may contain DHE ciphers. OpenSSL chooses parameters
  // that are as strong as the certificate's key.
  SSL_CTX_set_dh_auto(context, 1);
  // Each context has its own key for tickets. The id keeps listeners apart even
  // if two contexts had the same key.
  const std::string bound =
      absl::StrCat(options.id, "\n", options.client_ca_file);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int digest_size = 0;
  if (EVP_Digest(bound.data(), bound.size(), digest, &digest_size, EVP_sha256(),
                 nullptr) != 1 ||
      SSL_CTX_set_session_id_context(context, digest, digest_size) != 1 ||
      SSL_CTX_set_num_tickets(context, options.tickets ? 1 : 0) != 1 ||
      SSL_CTX_set_min_proto_version(
          context, ProtocolVersion(options.min_version)) != 1 ||
      SSL_CTX_set_max_proto_version(context, 0) != 1 ||
      SSL_CTX_set_ciphersuites(context, kSuites) != 1 ||
      SSL_CTX_set1_groups_list(context, kGroups) != 1) {
    return OutOfMemory();
  }
  // A listener for old devices needs no weak certificate, so the certificates
  // are checked at the level that min_version has not lowered.
  const int level = SSL_CTX_get_security_level(context);
  if (const absl::Status set = SetCiphers(options, context); !set.ok()) {
    return set;
  }
  const bool sets_level = absl::StrContains(options.ciphers, kLevel);
  const absl::Status loaded = LoadCertificates(
      options, sets_level ? SSL_CTX_get_security_level(context) : level);
  if (!loaded.ok()) return loaded;
  WarnOfUselessCiphers();
  SSL_CTX_set_cert_cb(context, &Callbacks::ChooseCertificates, this);
  SSL_CTX_set_alpn_select_cb(context, &Callbacks::ChooseProtocol, nullptr);
  return options.client_ca_file.empty() ? absl::OkStatus()
                                        : LoadClientCa(options.client_ca_file);
}

absl::Status TlsContext::LoadCertificates(const TlsOptions& options,
                                          int security_level) {
  if (options.certificates.empty()) {
    return absl::InvalidArgumentError("TLS needs a certificate");
  }
  const SslPointer probe = NewServer();
  if (probe == nullptr) return OutOfMemory();
  SSL_set_security_level(probe.get(), security_level);
  for (const TlsFiles& files : options.certificates) {
    absl::StatusOr<TlsCertificate> certificate =
        TlsCertificate::Load(files, &warnings_);
    if (!certificate.ok()) return certificate.status();
    const absl::Status used = certificate->Use(probe.get());
    if (!used.ok()) return used;
    certificates_.push_back(*std::move(certificate));
  }
  default_ = Named(certificates_.front().first_name());
  if (default_.empty()) default_ = {&certificates_.front()};
  for (const TlsCertificate* certificate : default_) {
    const absl::Status used = certificate->Use(ssl_context_.get());
    if (!used.ok()) return used;
  }
  return absl::OkStatus();
}

// A cipher with static RSA needs an RSA certificate, and a cipher with ECDSA an
// ECDSA certificate. If no cipher of the list fits, each handshake of TLS 1.2
// or older fails.
void TlsContext::WarnOfUselessCiphers() {
  const SSL_CTX* const context = ssl_context_.get();
  if (SSL_CTX_get_min_proto_version(ssl_context_.get()) == TLS1_3_VERSION) {
    return;
  }
  const STACK_OF(SSL_CIPHER)* const ciphers = SSL_CTX_get_ciphers(context);
  for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); ++i) {
    for (const TlsCertificate& certificate : certificates_) {
      if (Fits(sk_SSL_CIPHER_value(ciphers, i), certificate.key_type())) return;
    }
  }
  warnings_.push_back(
      "no cipher of the list fits the key of a certificate: TLS 1.2 and older "
      "are not served");
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

}  // namespace postern::net
