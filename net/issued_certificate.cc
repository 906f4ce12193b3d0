// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "net/issued_certificate.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <array>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "engine/grammar/ip_address.h"
#include "net/pem_file.h"

namespace postern::net {
namespace {

constexpr long kDay = 24 * 60 * 60;

struct BioFree {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
using BioPointer = std::unique_ptr<BIO, BioFree>;

KeyPointer NewKey(CertificateRequest::Key type) {
  switch (type) {
    case CertificateRequest::Key::kEcdsaP256:
      return KeyPointer(EVP_EC_gen("P-256"));
    case CertificateRequest::Key::kRsa1024:
      return KeyPointer(EVP_RSA_gen(1024));
    case CertificateRequest::Key::kRsa2048: {
      // Making a key takes long, and no test needs a new one.
      static EVP_PKEY* const rsa = EVP_RSA_gen(2048);
      if (rsa != nullptr) EVP_PKEY_up_ref(rsa);
      return KeyPointer(rsa);
    }
  }
  return nullptr;
}

// `context` has the certificate and its issuer.
absl::Status AddExtension(X509V3_CTX* context, int type,
                          const std::string& value) {
  if (value.empty()) return absl::OkStatus();
  X509_EXTENSION* const extension =
      X509V3_EXT_conf_nid(nullptr, context, type, value.c_str());
  if (extension == nullptr) {
    ERR_clear_error();
    return absl::InvalidArgumentError(
        absl::StrCat("not an extension of a certificate: ", value));
  }
  const bool added = X509_add_ext(context->subject_cert, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return added ? absl::OkStatus()
               : absl::ResourceExhaustedError("no memory for a certificate");
}

std::string FormatNames(const std::vector<std::string>& names) {
  return absl::StrJoin(
      names, ",", [](std::string* out, const std::string& name) {
        absl::StrAppend(out, IpAddress::Parse(name) ? "IP:" : "DNS:", name);
      });
}

BioPointer Reader(absl::string_view bytes) {
  return BioPointer(
      BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

std::string Contents(BIO* bio) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio, &bytes);
  return std::string(bytes, static_cast<size_t>(size));
}

}  // namespace

absl::StatusOr<IssuedCertificate> IssueCertificate(
    const CertificateRequest& request, const IssuedCertificate* issuer) {
  const KeyPointer key = NewKey(request.key);
  const CertificatePointer made(X509_new());
  std::array<unsigned char, 16> serial;
  if (key == nullptr || made == nullptr ||
      RAND_bytes(serial.data(), serial.size()) != 1) {
    ERR_clear_error();
    return absl::InternalError("OpenSSL makes no key");
  }
  serial[0] = static_cast<unsigned char>(serial[0] & 0x7f);  // positive
  X509* const certificate = made.get();
  X509_set_version(certificate, X509_VERSION_3);
  BIGNUM* const number = BN_bin2bn(serial.data(), serial.size(), nullptr);
  BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
  BN_free(number);
  X509_gmtime_adj(X509_getm_notBefore(certificate), request.first_day * kDay);
  X509_gmtime_adj(X509_getm_notAfter(certificate), request.last_day * kDay);
  X509_set_pubkey(certificate, key.get());
  X509_NAME* const subject = X509_get_subject_name(certificate);
  for (const auto& [type, value] :
       {std::pair<const char*, std::string>{"O", request.organization},
        {"CN", request.common_name}}) {
    if (value.empty()) continue;
    X509_NAME_add_entry_by_txt(
        subject, type, MBSTRING_UTF8,
        reinterpret_cast<const unsigned char*>(value.c_str()), -1, -1, 0);
  }
  CertificatePointer signer;
  KeyPointer signer_key;
  if (issuer != nullptr) {
    signer.reset(PEM_read_bio_X509(Reader(issuer->certificate).get(), nullptr,
                                   nullptr, nullptr));
    signer_key.reset(PEM_read_bio_PrivateKey(Reader(issuer->key).get(), nullptr,
                                             nullptr, nullptr));
    if (signer == nullptr || signer_key == nullptr) {
      ERR_clear_error();
      return absl::InvalidArgumentError("the issuer cannot be read");
    }
  }
  // Clients that verify strictly, such as Python from 3.13 on, require the
  // usage of an authority's key, and the identifiers of keys.
  X509V3_CTX context;
  X509V3_set_ctx(&context, signer == nullptr ? certificate : signer.get(),
                 certificate, nullptr, nullptr, 0);
  for (const auto& [type, value] :
       {std::pair<int, std::string>{
            NID_basic_constraints,
            request.authority ? "critical,CA:TRUE" : "critical,CA:FALSE"},
        {NID_key_usage, request.authority
                            ? "critical,digitalSignature,keyEncipherment,"
                              "keyCertSign,cRLSign"
                            : ""},
        {NID_subject_key_identifier, "hash"},
        {NID_authority_key_identifier, issuer == nullptr ? "" : "keyid"},
        {NID_subject_alt_name, FormatNames(request.names)},
        {NID_ext_key_usage, request.extended_key_usage},
        {NID_info_access, request.authority_access}}) {
    if (absl::Status status = AddExtension(&context, type, value);
        !status.ok()) {
      return status;
    }
  }
  X509_set_issuer_name(certificate, signer == nullptr
                                        ? subject
                                        : X509_get_subject_name(signer.get()));
  const BioPointer pem(BIO_new(BIO_s_mem()));
  const BioPointer key_pem(BIO_new(BIO_s_mem()));
  if (X509_sign(certificate,
                signer_key == nullptr ? key.get() : signer_key.get(),
                EVP_sha256()) == 0 ||
      PEM_write_bio_X509(pem.get(), certificate) != 1 ||
      PEM_write_bio_PrivateKey(key_pem.get(), key.get(), nullptr, nullptr, 0,
                               nullptr, nullptr) != 1) {
    ERR_clear_error();
    return absl::InternalError("OpenSSL makes no certificate");
  }
  return IssuedCertificate{Contents(pem.get()), Contents(key_pem.get())};
}

}  // namespace postern::net
