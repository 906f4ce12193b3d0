// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "net/test_certificates.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "net/pem_file.h"

namespace postern::net {
namespace {

constexpr long kDay = 24 * 60 * 60;

struct Closer {
  void operator()(FILE* file) const { fclose(file); }
};
using FilePointer = std::unique_ptr<FILE, Closer>;

KeyPointer NewKey(TestCertificates::Key type) {
  switch (type) {
    case TestCertificates::Key::kEcdsaP256:
      return KeyPointer(EVP_EC_gen("P-256"));
    case TestCertificates::Key::kRsa1024:
      return KeyPointer(EVP_RSA_gen(1024));
    case TestCertificates::Key::kRsa2048: {
      // Making a key takes long, and no test needs a new one.
      static EVP_PKEY* const rsa = EVP_RSA_gen(2048);
      EVP_PKEY_up_ref(rsa);
      return KeyPointer(rsa);
    }
  }
  return nullptr;
}

void AddExtension(X509* certificate, int type, const std::string& value) {
  X509_EXTENSION* extension =
      X509V3_EXT_conf_nid(nullptr, nullptr, type, value.c_str());
  ASSERT_NE(extension, nullptr) << value;
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

}  // namespace

TestCertificates::TestCertificates() {
  std::string name = absl::StrCat(testing::TempDir(), "/certificates.XXXXXX");
  EXPECT_NE(mkdtemp(name.data()), nullptr);
  folder_ = name;
}

TestCertificates::~TestCertificates() {
  std::error_code ignored;  // it is a temporary directory
  std::filesystem::remove_all(folder_, ignored);
}

std::string TestCertificates::Path(const std::string& file) const {
  return absl::StrCat(folder_, "/", file);
}

std::string TestCertificates::Write(const std::string& file,
                                    absl::string_view bytes) {
  std::ofstream(Path(file)) << bytes;
  return Path(file);
}

TlsFiles TestCertificates::Make(const std::string& file,
                                const Request& request) {
  static long serial = 0;
  const KeyPointer key = NewKey(request.key);
  const CertificatePointer made(X509_new());
  X509* const certificate = made.get();
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate), request.first_day * kDay);
  X509_gmtime_adj(X509_getm_notAfter(certificate), request.last_day * kDay);
  X509_set_pubkey(certificate, key.get());
  X509_NAME* const subject = X509_get_subject_name(certificate);
  for (const auto& [type, value] :
       {std::pair<const char*, std::string>{"O", "postern, tests"},
        {"CN", request.common_name}}) {
    if (value.empty()) continue;
    X509_NAME_add_entry_by_txt(
        subject, type, MBSTRING_UTF8,
        reinterpret_cast<const unsigned char*>(value.c_str()), -1, -1, 0);
  }
  AddExtension(certificate, NID_basic_constraints, "critical,CA:TRUE");
  if (!request.host_names.empty()) {
    AddExtension(
        certificate, NID_subject_alt_name,
        absl::StrCat("DNS:", absl::StrJoin(request.host_names, ",DNS:")));
  }
  if (!request.extended_key_usage.empty()) {
    AddExtension(certificate, NID_ext_key_usage, request.extended_key_usage);
  }
  if (!request.authority_access.empty()) {
    AddExtension(certificate, NID_info_access, request.authority_access);
  }

  if (request.issuer.empty()) {
    X509_set_issuer_name(certificate, subject);
    X509_sign(certificate, key.get(), EVP_sha256());
  } else {
    const FilePointer issuer_file(
        fopen(Path(request.issuer + ".pem").c_str(), "r"));
    const FilePointer issuer_key_file(
        fopen(Path(request.issuer + ".key").c_str(), "r"));
    const CertificatePointer issuer(
        PEM_read_X509(issuer_file.get(), nullptr, nullptr, nullptr));
    const KeyPointer issuer_key(
        PEM_read_PrivateKey(issuer_key_file.get(), nullptr, nullptr, nullptr));
    X509_set_issuer_name(certificate, X509_get_subject_name(issuer.get()));
    X509_sign(certificate, issuer_key.get(), EVP_sha256());
  }

  const TlsFiles files = {Path(file + ".pem"), Path(file + ".key")};
  const FilePointer chain_file(fopen(files.chain_file.c_str(), "w"));
  EXPECT_EQ(PEM_write_X509(chain_file.get(), certificate), 1);
  const FilePointer key_file(fopen(files.key_file.c_str(), "w"));
  EXPECT_EQ(PEM_write_PrivateKey(key_file.get(), key.get(), nullptr, nullptr, 0,
                                 nullptr, nullptr),
            1);
  EXPECT_EQ(chmod(files.key_file.c_str(), S_IRUSR | S_IWUSR), 0);
  return files;
}

}  // namespace postern::net
