// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The original recipient of a message: ORCPT=, RFC 3461 4.2, and RFC 6533 3 for
// addresses in UTF-8.

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

// The recipient as the sender wrote it. It is for notifications. It is not
// verified, so decisions must not use it.
struct Orcpt {
  std::string type;  // as sent: "rfc822", "UTF-8", ...; RFC 3461 says any case
  // The decoded address: printable ASCII, spaces and tabs, its syntax not
  // checked. If the type is utf-8, as sent: encoded ("\x{E4}") or in UTF-8.
  std::string address;

  friend bool operator==(const Orcpt&, const Orcpt&) = default;
};

// Parses "rfc822;u@d", in which the address is xtext (RFC 3461 4), or
// "utf-8;\x{E4}@d", which may contain UTF-8 only with Utf8::kYes. Returns
// nullopt for anything else, and for values longer than kMaxOrcpt.
std::optional<Orcpt> ParseOrcpt(absl::string_view value, Utf8 utf8);

// Formats `orcpt` as a value of ORCPT=. ParseOrcpt() of the result returns
// `orcpt`.
std::string FormatOrcpt(const Orcpt& orcpt);

}  // namespace postern

#endif  // POSTERN_ENGINE_GRAMMAR_ORCPT_H_
