// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// xtext, RFC 3461 4, which encodes any octets as one word of printable ASCII.

#ifndef POSTERN_ENGINE_GRAMMAR_XTEXT_H_
#define POSTERN_ENGINE_GRAMMAR_XTEXT_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace postern {

// Returns the octets that `xtext` encodes. They may be any octets, including
// NUL, CR and LF: the caller must check them. Returns nullopt for invalid
// xtext: a '+' without two upper-case hexadecimal digits, '=', SP, control
// characters, 8-bit octets.
std::optional<std::string> DecodeXtext(absl::string_view xtext);

// The same for values that are used in lines of text (RFC 3461 4.2, 4.4): also
// returns nullopt if the result has octets other than printable ASCII and HT.
std::optional<std::string> DecodePrintableXtext(absl::string_view xtext);

// Returns the shortest xtext for `octets`: only '+', '=' and unprintable octets
// become '+' with two hexadecimal digits.
std::string EncodeXtext(absl::string_view octets);

}  // namespace postern

#endif  // POSTERN_ENGINE_GRAMMAR_XTEXT_H_
