// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// SASLprep (RFC 4013): makes names and passwords that look the same equal.

#ifndef POSTERN_AUTH_SASLPREP_H_
#define POSTERN_AUTH_SASLPREP_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace postern::auth {

// Returns `text`, a name or a password, in the form in which it is compared and
// hashed, as a "stored string" (RFC 3454 7). Printable ASCII stays unchanged.
// Returns nullopt if the text is empty, is not UTF-8, or contains NUL, a
// control character or another character that RFC 4013 2.3 to 2.5 prohibits,
// including code points that Unicode 3.2 does not assign (RFC 5802 2.2); also
// if the result is empty.
std::optional<std::string> SaslPrep(absl::string_view text);

// Returns `text`, a result of SaslPrep(), with the case of letters folded
// (RFC 3454 B.2). Names that differ only in case become equal.
std::string FoldCase(absl::string_view text);

}  // namespace postern::auth

#endif  // POSTERN_AUTH_SASLPREP_H_
