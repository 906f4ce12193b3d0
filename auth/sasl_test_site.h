// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A folder with a postern.conf and a sasldb, for the tests of a process.

#ifndef POSTERN_AUTH_SASL_TEST_SITE_H_
#define POSTERN_AUTH_SASL_TEST_SITE_H_

#include <string>

#include "absl/strings/string_view.h"

namespace postern::auth {

// Is there for as long as this is, with all that is put into it.
class SaslTestSite {
 public:
  SaslTestSite();
  ~SaslTestSite();
  SaslTestSite(const SaslTestSite&) = delete;
  SaslTestSite& operator=(const SaslTestSite&) = delete;

  // Returns the full path of `name` inside.
  std::string Path(absl::string_view name = "") const;
  void Write(absl::string_view name, absl::string_view contents) const;
  // A postern.conf that has users looked for in the sasldb.
  void UseUserFile() const;
  // Puts a user into Path("sasldb2"), by saslpasswd2(8). None of them holds
  // what a shell would take for something else.
  void AddUser(absl::string_view user, absl::string_view realm,
               absl::string_view password) const;

 private:
  std::string path_;
};

}  // namespace postern::auth

#endif  // POSTERN_AUTH_SASL_TEST_SITE_H_
