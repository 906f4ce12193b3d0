// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "transports/tls_certificate.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <utility>

#include "absl/strings/str_cat.h"

namespace postern::transports {
namespace {

std::string Text(const ASN1_STRING* string) {
  return std::string(
      reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
      static_cast<size_t>(ASN1_STRING_length(string)));
}

std::string CommonName(const X509* certificate) {
  const X509_NAME* subject = X509_get_subject_name(certificate);
  const int index = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (index < 0) return "";
  return Text(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index)));
}

std::string FirstName(const X509* certificate) {
  auto* names = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  std::string first;
  for (int i = 0; i < sk_GENERAL_NAME_num(names) && first.empty(); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
    if (name->type == GEN_DNS) first = Text(name->d.dNSName);
  }
  GENERAL_NAMES_free(names);
  return first.empty() ? CommonName(certificate) : first;
}

// Returns OpenSSL's word for what it has just refused, and forgets it.
std::string TakeReason() {
  const char* reason = ERR_reason_error_string(ERR_peek_error());
  ERR_clear_error();
  return reason != nullptr ? reason : "refused";
}

}  // namespace

void TlsCertificate::ChainFree::operator()(stack_st_X509* chain) const {
  sk_X509_pop_free(chain, X509_free);
}

absl::StatusOr<TlsCertificate> TlsCertificate::Load(
    const TlsFiles& files, std::vector<std::string>* warnings) {
  const absl::StatusOr<PemFile> chain_file = PemFile::Read(files.chain_file);
  if (!chain_file.ok()) return chain_file.status();
  absl::StatusOr<std::vector<CertificatePointer>> chain =
      chain_file->Certificates();
  if (!chain.ok()) return chain.status();
  const absl::StatusOr<PemFile> key_file = PemFile::Read(files.key_file);
  if (!key_file.ok()) return key_file.status();
  absl::StatusOr<KeyPointer> key = key_file->Key();
  if (!key.ok()) return key.status();

  TlsCertificate certificate;
  certificate.file_ = files.chain_file;
  certificate.leaf_ = std::move(chain->front());
  certificate.key_ = *std::move(key);
  certificate.chain_.reset(sk_X509_new_null());
  for (size_t i = 1; i < chain->size(); ++i) {
    sk_X509_push(certificate.chain_.get(), (*chain)[i].release());
  }
  X509* const leaf = certificate.leaf_.get();
  if (X509_check_private_key(leaf, certificate.key_.get()) != 1) {
    ERR_clear_error();
    return absl::InvalidArgumentError(
        absl::StrCat(files.key_file, ": not the key of ", files.chain_file));
  }
  certificate.first_name_ = FirstName(leaf);
  certificate.key_type_ = EVP_PKEY_get_base_id(certificate.key_.get());

  if (key_file->open_to_others()) {
    warnings->push_back(
        absl::StrCat(files.key_file, ": others may read this key"));
  }
  if (X509_cmp_current_time(X509_get0_notAfter(leaf)) < 0) {
    warnings->push_back(
        absl::StrCat(files.chain_file, ": the certificate has expired"));
  }
  if (X509_cmp_current_time(X509_get0_notBefore(leaf)) > 0) {
    warnings->push_back(
        absl::StrCat(files.chain_file, ": the certificate is not valid yet"));
  }
  return certificate;
}

bool TlsCertificate::Names(absl::string_view name) const {
  // A leading dot would stand for all hosts below.
  if (name.empty() || name.front() == '.') return false;
  const bool names =
      X509_check_host(leaf_.get(), name.data(), name.size(),
                      X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, nullptr) == 1;
  ERR_clear_error();
  return names;
}

absl::Status TlsCertificate::Use(ssl_st* ssl) const {
  ERR_clear_error();
  if (SSL_use_cert_and_key(ssl, leaf_.get(), key_.get(), chain_.get(),
                           /*override=*/1) == 1) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(file_, ": ", TakeReason()));
}

}  // namespace postern::transports
