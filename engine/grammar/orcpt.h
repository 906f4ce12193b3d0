// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The original recipient of a message: ORCPT=, RFC 3461 4.2, and for addresses
// in UTF-8 RFC 6533 3.

#ifndef POSTERN_ENGINE_GRAMMAR_ORCPT_H_
#define POSTERN_ENGINE_GRAMMAR_ORCPT_H_

#include <cstddef>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "engine/grammar/utf8.h"

namespace postern {

// The longest value of ORCPT= as sent, RFC 3461 4.2.
inline constexpr size_t kMaxOrcpt = 500;

// Whom the sender meant, in the sender's own words: for notifications, not for
// decisions.
struct Orcpt {
  std::string type;  // as sent: "rfc822", "UTF-8", ...; RFC 3461 says any case
  // The address without its encoding: printable ASCII and blanks, of no checked
  // syntax. Where the type is utf-8, as sent: encoded ("\x{E4}") or in UTF-8.
  std::string address;

  friend bool operator==(const Orcpt&, const Orcpt&) = default;
};

// Parses "rfc822;u@d", where the address is xtext (RFC 3461 4), or
// "utf-8;\x{E4}@d". The latter may have UTF-8 in it only with Utf8::kYes.
// Returns nullopt for anything else, and past kMaxOrcpt.
std::optional<Orcpt> ParseOrcpt(absl::string_view value, Utf8 utf8);

// Returns `orcpt` as a value of ORCPT=. ParseOrcpt() of it gives `orcpt` again.
std::string FormatOrcpt(const Orcpt& orcpt);

}  // namespace postern

#endif  // POSTERN_ENGINE_GRAMMAR_ORCPT_H_
