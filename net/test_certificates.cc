// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "net/test_certificates.h"

#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace postern::net {
namespace {

std::string Read(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
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
  IssuedCertificate issuer;
  if (!request.issuer.empty()) {
    issuer = {Read(Path(request.issuer + ".pem")),
              Read(Path(request.issuer + ".key"))};
  }
  const absl::StatusOr<IssuedCertificate> made =
      IssueCertificate({.key = request.key,
                        .organization = "postern, tests",
                        .common_name = request.common_name,
                        .names = request.host_names,
                        .extended_key_usage = request.extended_key_usage,
                        .authority_access = request.authority_access,
                        .authority = request.authority,
                        .first_day = request.first_day,
                        .last_day = request.last_day},
                       request.issuer.empty() ? nullptr : &issuer);
  EXPECT_TRUE(made.ok()) << made.status();
  if (!made.ok()) return {};
  const TlsFiles files = {Write(file + ".pem", made->certificate),
                          Write(file + ".key", made->key)};
  EXPECT_EQ(chmod(files.key_file.c_str(), S_IRUSR | S_IWUSR), 0);
  return files;
}

}  // namespace postern::net
