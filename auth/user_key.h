// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// One text for all spellings of a user's name. Limits count attempts by this
// text.

#ifndef POSTERN_AUTH_USER_KEY_H_
#define POSTERN_AUTH_USER_KEY_H_

#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "auth/backend.h"

namespace postern::auth {

// Returns the same text for all names that a backend with this `spelling` may
// treat as one user. kPrepared: the result of SaslPrep(). kFolded: the result
// of SaslPrep() with the case of letters folded (RFC 3454 B.2) and without
// blanks at either end.
//
// kFolded also maps some names to one text that a backend treats as different
// users. These users then share a limit. Names that SASLprep prohibits all map
// to the empty text. The backends of this package know no such user, and a
// program that does must not allow more guesses than others.
std::string UserKey(absl::string_view user, Spelling spelling);

// The spellings of a backend's mechanisms. Immutable and thread-safe.
class UserKeys {
 public:
  explicit UserKeys(const Backend& backend);

  // Returns UserKey() with the spelling of `mechanism`, or with kFolded if
  // the backend has no such mechanism.
  std::string Of(absl::string_view mechanism, absl::string_view user) const;

 private:
  absl::flat_hash_map<std::string, Spelling> spellings_;
};

}  // namespace postern::auth

#endif  // POSTERN_AUTH_USER_KEY_H_
