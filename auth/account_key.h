// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// One text for all spellings of a user's name, to count attempts by.

#ifndef POSTERN_AUTH_ACCOUNT_KEY_H_
#define POSTERN_AUTH_ACCOUNT_KEY_H_

#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "auth/backend.h"

namespace postern::auth {

// Returns the same text for two names that a backend of `spelling` may take for
// one user. kPrepared: what SaslPrep() makes of the name. kFolded: that, with
// the case of letters folded (RFC 3454 B.2) and no blanks at either end; it
// also makes one of names that some backends tell apart, and then these users
// share a limit. All names that SASLprep prohibits share the empty text: no
// backend here knows such a user, and a program that does must not offer more
// guesses than others.
std::string AccountKey(absl::string_view user, Spelling spelling);

// The spellings of a backend's mechanisms. Immutable, and thread-safe.
class AccountKeys {
 public:
  explicit AccountKeys(const Backend& backend);

  // Returns AccountKey() by the spelling of `mechanism`; kFolded where the
  // backend has no such mechanism.
  std::string Of(absl::string_view mechanism, absl::string_view user) const;

 private:
  absl::flat_hash_map<std::string, Spelling> spellings_;
};

}  // namespace postern::auth

#endif  // POSTERN_AUTH_ACCOUNT_KEY_H_
