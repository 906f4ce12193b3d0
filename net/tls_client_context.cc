// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "net/tls_client_context.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "engine/grammar/ip_address.h"
#include "net/pem_file.h"

namespace postern::net {
namespace {

absl::Status OutOfMemory() {
  ERR_clear_error();
  return absl::ResourceExhaustedError("OpenSSL cannot create a TLS context");
}

// Returns the SHA-256 of the certificate, in hexadecimal; empty if memory is
// exhausted.
std::string Fingerprint(const X509* certificate) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (certificate == nullptr ||
      X509_digest(certificate, EVP_sha256(), digest, &size) != 1) {
    return "";
  }
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(digest), size));
}

}  // namespace

struct TlsClientContext::Callbacks {
  static int CompareFingerprint(X509_STORE_CTX* store, void* self) {
    const auto& known =
        static_cast<const TlsClientContext*>(self)->fingerprints_;
    const std::string seen = Fingerprint(X509_STORE_CTX_get0_cert(store));
    if (std::find(known.begin(), known.end(), seen) != known.end()) return 1;
    X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
    return 0;
  }
};

void TlsClientContext::ContextFree::operator()(ssl_ctx_st* context) const {
  SSL_CTX_free(context);
}

absl::StatusOr<std::shared_ptr<const TlsClientContext>> TlsClientContext::Make(
    const TlsClientOptions& options) {
  std::shared_ptr<TlsClientContext> context(new TlsClientContext);
  const absl::Status loaded = context->Load(options);
  if (!loaded.ok()) return loaded;
  return context;
}

absl::Status TlsClientContext::Load(const TlsClientOptions& options) {
  ssl_context_.reset(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* const context = ssl_context_.get();
  if (context == nullptr) return OutOfMemory();
  // CLEANSE_PLAINTEXT: this side sends passwords.
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                   SSL_OP_CLEANSE_PLAINTEXT);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS |
                                SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1) {
    return OutOfMemory();
  }
  version_ = options.verify ? "verify" : "any";
  if (!options.verify) {
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);
    return absl::OkStatus();
  }
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  if (!options.fingerprints.empty()) {
    fingerprints_ = options.fingerprints;
    for (const std::string& each : fingerprints_) {
      absl::StrAppend(&version_, " ", each);
    }
    SSL_CTX_set_cert_verify_callback(context, &Callbacks::CompareFingerprint,
                                     this);
    return absl::OkStatus();
  }
  by_name_ = true;
  if (!options.ca_file.empty()) return LoadAuthorities(options.ca_file);
  if (SSL_CTX_set_default_verify_paths(context) != 1) return OutOfMemory();
  if (access(X509_get_default_cert_file(), R_OK) != 0 &&
      access(X509_get_default_cert_dir(), R_OK | X_OK) != 0) {
    warnings_.push_back(absl::StrCat(
        X509_get_default_cert_dir(),
        ": the system has no certificate authorities, so no server can be "
        "verified: install ca-certificates"));
  }
  return absl::OkStatus();
}

absl::Status TlsClientContext::LoadAuthorities(const std::string& file) {
  const absl::StatusOr<PemFile> pem = PemFile::Read(file);
  if (!pem.ok()) return pem.status();
  const absl::StatusOr<std::vector<CertificatePointer>> authorities =
      pem->Certificates();
  if (!authorities.ok()) return authorities.status();
  X509_STORE* const store = SSL_CTX_get_cert_store(ssl_context_.get());
  // The authority may be an intermediate one, or the certificate itself.
  if (X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN) != 1) {
    return OutOfMemory();
  }
  for (const CertificatePointer& authority : *authorities) {
    if (X509_STORE_add_cert(store, authority.get()) != 1) return OutOfMemory();
    absl::StrAppend(&version_, " ", Fingerprint(authority.get()));
    // 0 is an error in the date, which verification reports.
    if (X509_cmp_current_time(X509_get0_notAfter(authority.get())) < 0) {
      warnings_.push_back(absl::StrCat(
          file, ": ",
          authorities->size() == 1 ? "the certificate"
                                   : "a certificate of an authority",
          " has expired: no server that it signs can be verified"));
    }
  }
  return absl::OkStatus();
}

TlsContext::SslPointer TlsClientContext::NewClient(
    const std::string& name) const {
  TlsContext::SslPointer ssl(SSL_new(ssl_context_.get()));
  if (ssl == nullptr) return nullptr;
  SSL_set_connect_state(ssl.get());
  const bool is_address = IpAddress::Parse(name).has_value();
  if (!name.empty() && !is_address &&
      SSL_set_tlsext_host_name(ssl.get(), name.c_str()) != 1) {
    return nullptr;
  }
  if (!by_name_) return ssl;
  X509_VERIFY_PARAM* const expected = SSL_get0_param(ssl.get());
  X509_VERIFY_PARAM_set_hostflags(expected,
                                  X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                                      X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  // OpenSSL verifies no name if the name is empty.
  if (name.empty() ||
      (is_address ? X509_VERIFY_PARAM_set1_ip_asc(expected, name.c_str())
                  : X509_VERIFY_PARAM_set1_host(expected, name.data(),
                                                name.size())) != 1) {
    return nullptr;
  }
  return ssl;
}

absl::string_view VerificationError(const ssl_st* ssl) {
  const long error = SSL_get_verify_result(ssl);
  return error == X509_V_ERR_APPLICATION_VERIFICATION
             ? "the certificate has another fingerprint"
             : X509_verify_cert_error_string(error);
}

}  // namespace postern::net
