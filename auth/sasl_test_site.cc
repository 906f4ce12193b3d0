// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/sasl_test_site.h"

#include <stdlib.h>

#include <filesystem>  // NOLINT(build/c++17)
#include <fstream>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace postern::auth {

// Not in Bazel's directory: the path of a socket has at most 107 bytes.
SaslTestSite::SaslTestSite() : path_("/tmp/postern.XXXXXX") {
  EXPECT_NE(mkdtemp(path_.data()), nullptr) << path_;
}

SaslTestSite::~SaslTestSite() { std::filesystem::remove_all(path_); }

std::string SaslTestSite::Path(absl::string_view name) const {
  return name.empty() ? path_ : absl::StrCat(path_, "/", name);
}

void SaslTestSite::Write(absl::string_view name,
                         absl::string_view contents) const {
  std::ofstream out(Path(name), std::ios::binary);
  out.write(contents.data(), static_cast<std::streamsize>(contents.size()));
  EXPECT_TRUE(out.good()) << name;
}

void SaslTestSite::UseUserFile() const {
  Write("postern.conf", absl::StrCat("pwcheck_method: auxprop\n"
                                     "auxprop_plugin: sasldb\n"
                                     "sasldb_path: ",
                                     Path("sasldb2"), "\n"));
}

void SaslTestSite::AddUser(absl::string_view user, absl::string_view realm,
                           absl::string_view password) const {
  const std::string command =
      absl::StrCat("printf %s ", password, " | /usr/sbin/saslpasswd2 -p -c -f ",
                   Path("sasldb2"), " -u ", realm, " ", user);
  EXPECT_EQ(system(command.c_str()), 0) << command;
}

}  // namespace postern::auth
