// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// xtext, RFC 3461 4: any octets as one printable ASCII word.

#ifndef POSTERN_ENGINE_GRAMMAR_XTEXT_H_
#define POSTERN_ENGINE_GRAMMAR_XTEXT_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace postern {

// Returns the octets that `xtext` stands for. They may be any, NUL and CR LF
// included: whoever decodes also looks at what came out. Returns nullopt for
// what is no xtext: a '+' without two hexadecimal digits, which are upper case,
// '=', SP, control characters, 8-bit octets.
std::optional<std::string> DecodeXtext(absl::string_view xtext);

// The same for what goes into lines of text (RFC 3461 4.2, 4.4): nullopt also
// where something else comes out than printable ASCII and blanks, SP and HT.
std::optional<std::string> DecodePrintableXtext(absl::string_view xtext);

// Returns `octets` as xtext that is as short as can be: '+', '=' and all that
// is not printable become '+' with two hexadecimal digits.
std::string EncodeXtext(absl::string_view octets);

}  // namespace postern

#endif  // POSTERN_ENGINE_GRAMMAR_XTEXT_H_
