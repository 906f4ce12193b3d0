// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "net/pem_file.h"

#include <sys/stat.h>

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "net/test_certificates.h"

namespace postern::net {
namespace {

constexpr char kEncryptedKey[] =
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
    "MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAjZ0xgm0hYPLQICCAAw\n"
    "-----END ENCRYPTED PRIVATE KEY-----\n";

class PemFileTest : public testing::Test {
 protected:
  std::string Slurp(const std::string& path) {
    const absl::StatusOr<PemFile> file = PemFile::Read(path);
    if (!file.ok()) return std::string(file.status().message());
    const auto certificates = file->Certificates();
    const auto key = file->Key();
    return absl::StrCat(
        certificates.ok() ? absl::StrCat(certificates->size())
                          : std::string(certificates.status().message()),
        "; ", key.ok() ? "key" : std::string(key.status().message()));
  }
  static std::string Bytes(const std::string& path) {
    std::string bytes(size_t{1} << 16, '\0');
    FILE* file = fopen(path.c_str(), "r");
    bytes.resize(fread(bytes.data(), 1, bytes.size(), file));
    fclose(file);
    return bytes;
  }

  TestCertificates certificates_;
};

TEST_F(PemFileTest, ReadsCertificatesAndAKey) {
  const TlsFiles files = certificates_.Make("a", {.common_name = "a"});
  const std::string certificate = Bytes(files.chain_file);
  const std::string key = Bytes(files.key_file);
  const std::string no_certificate = ": the file contains no certificate";
  const std::string no_key =
      ": the file contains no private key without a passphrase; a key in "
      "another file needs --tls-key or key=";
  const std::string cut = certificate.substr(0, certificate.size() / 2);
  const struct {
    std::string bytes;
    std::string certificates;  // $ is the file's name
    std::string key;
  } kCases[] = {
      {certificate, "1", "$" + no_key},
      {certificate + certificate, "2", "$" + no_key},
      {key, "$" + no_certificate, "key"},
      {key + certificate + "and a remark\n", "1", "key"},
      {"", "$" + no_certificate, "$" + no_key},
      {"certainly\n", "$" + no_certificate, "$" + no_key},
      {certificate + cut, "$: certificate 2 cannot be read", "$" + no_key},
      {kEncryptedKey, "$" + no_certificate, "$" + no_key},
  };
  for (const auto& c : kCases) {
    const std::string path = certificates_.Write("file", c.bytes);
    std::string expected = c.certificates + "; " + c.key;
    for (size_t at = 0; (at = expected.find('$')) != std::string::npos;) {
      expected.replace(at, 1, path);
    }
    EXPECT_EQ(Slurp(path), expected) << c.bytes;
  }
}

TEST_F(PemFileTest, AnErrorNamesTheFile) {
  const std::string missing = certificates_.Path("missing");
  EXPECT_EQ(PemFile::Read(missing).status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(Slurp(missing), missing + ": No such file or directory");
  EXPECT_EQ(Slurp("/"), "/: Is a directory");
  EXPECT_EQ(Slurp("/dev/zero"), "/dev/zero: longer than a megabyte");
}

TEST_F(PemFileTest, KnowsWhetherOtherUsersCanReadTheFile) {
  const std::string path = certificates_.Write("file", "");
  const struct {
    mode_t mode;
    bool open;
  } kCases[] = {
      {0600, false}, {0400, false}, {0640, false}, {0604, true}, {0622, false},
  };
  for (const auto& c : kCases) {
    ASSERT_EQ(chmod(path.c_str(), c.mode), 0);
    EXPECT_EQ(PemFile::Read(path)->open_to_others(), c.open) << c.mode;
  }
}

}  // namespace
}  // namespace postern::net
