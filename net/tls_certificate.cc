// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "net/tls_certificate.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <utility>

#include "absl/strings/str_cat.h"

namespace postern::net {
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

bool Expired(const X509* certificate) {
  return X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0;
}

absl::Time TimeOf(const ASN1_TIME* time) {
  tm parts = {};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return absl::InfinitePast();
  return absl::FromTM(parts, absl::UTCTimeZone());
}

bool HasIssued(X509* issuer, X509* certificate) {
  return X509_check_issued(issuer, certificate) == X509_V_OK &&
         X509_verify(certificate, X509_get0_pubkey(issuer)) == 1;
}

// Returns whether a certificate says where to fetch the issuer's certificate.
// Certificates of public authorities do, and their issuers are never roots that
// clients have.
bool SaysWhereItsIssuerIs(const X509* certificate) {
  auto* const access = static_cast<AUTHORITY_INFO_ACCESS*>(
      X509_get_ext_d2i(certificate, NID_info_access, nullptr, nullptr));
  bool says = false;
  for (int i = 0; i < sk_ACCESS_DESCRIPTION_num(access); ++i) {
    const ACCESS_DESCRIPTION* entry = sk_ACCESS_DESCRIPTION_value(access, i);
    says = says || OBJ_obj2nid(entry->method) == NID_ad_ca_issuers;
  }
  AUTHORITY_INFO_ACCESS_free(access);
  return says;
}

// Returns why a client cannot follow the chain from `leaf` to an authority, or
// "".
std::string ChainFault(X509* leaf, const STACK_OF(X509) * chain) {
  X509* certificate = leaf;
  for (int i = 0; i < sk_X509_num(chain); ++i) {
    X509* const issuer = sk_X509_value(chain, i);
    if (!HasIssued(issuer, certificate)) {
      return absl::StrCat("certificate ", i + 2,
                          " is not the issuer of certificate ", i + 1);
    }
    if (Expired(issuer)) {
      return absl::StrCat("certificate ", i + 2, " has expired");
    }
    certificate = issuer;
  }
  if (sk_X509_num(chain) == 0 && SaysWhereItsIssuerIs(leaf)) {
    return "the certificate of the issuer is missing";
  }
  return "";
}

// Returns OpenSSL's reason for its last refusal. Clears its queue of errors.
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
  certificate.not_after_ = TimeOf(X509_get0_notAfter(leaf));
  certificate.key_type_ = EVP_PKEY_get_base_id(certificate.key_.get());

  const auto warn = [warnings](absl::string_view file, absl::string_view what) {
    warnings->push_back(absl::StrCat(file, ": ", what));
  };
  if (key_file->open_to_others()) {
    warn(files.key_file, "other users can read this key");
  }
  if (Expired(leaf)) warn(files.chain_file, "the certificate has expired");
  if (X509_cmp_current_time(X509_get0_notBefore(leaf)) > 0) {
    warn(files.chain_file, "the certificate is not valid yet");
  }
  if (X509_check_purpose(leaf, X509_PURPOSE_SSL_SERVER, /*ca=*/0) != 1) {
    warn(files.chain_file, "the certificate is not for servers");
  }
  const std::string fault = ChainFault(leaf, certificate.chain_.get());
  if (!fault.empty()) warn(files.chain_file, fault);
  ERR_clear_error();
  return certificate;
}

bool TlsCertificate::Names(absl::string_view name) const {
  // OpenSSL would match a name with a leading dot to all hosts below it.
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

absl::Status TlsCertificate::Use(ssl_ctx_st* context) const {
  ERR_clear_error();
  if (SSL_CTX_use_cert_and_key(context, leaf_.get(), key_.get(), chain_.get(),
                               /*override=*/1) == 1) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(file_, ": ", TakeReason()));
}

}  // namespace postern::net
