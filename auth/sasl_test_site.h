// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A directory with a postern.conf and a sasldb for the tests of one process.

#ifndef POSTERN_AUTH_SASL_TEST_SITE_H_
#define POSTERN_AUTH_SASL_TEST_SITE_H_

#include <string>

#include "absl/strings/string_view.h"

namespace postern::auth {

// The directory exists, with its files, while this object does.
class SaslTestSite {
 public:
  SaslTestSite();
  ~SaslTestSite();
  SaslTestSite(const SaslTestSite&) = delete;
  SaslTestSite& operator=(const SaslTestSite&) = delete;

  // Returns the full path of `name` in the directory.
  std::string Path(absl::string_view name = "") const;
  void Write(absl::string_view name, absl::string_view contents) const;
  // Writes a postern.conf that looks up users in the sasldb.
  void UseUserFile() const;
  // Adds a user to Path("sasldb2") with saslpasswd2(8). The arguments must not
  // contain characters that are special in a shell.
  void AddUser(absl::string_view user, absl::string_view realm,
               absl::string_view password) const;

 private:
  std::string path_;
};

}  // namespace postern::auth

#endif  // POSTERN_AUTH_SASL_TEST_SITE_H_
