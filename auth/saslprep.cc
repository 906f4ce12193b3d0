// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/saslprep.h"

#include <stringprep.h>

#include <cstddef>

#include "absl/strings/ascii.h"
#include "engine/grammar/utf8.h"
#include "engine/grammar/wipe.h"

namespace postern::auth {
namespace {

// Applies `profile` to `text`, which is UTF-8 without NUL. Returns nullopt if
// the profile prohibits the text. The text may be a password, so no copy stays
// in memory.
std::optional<std::string> Prepare(absl::string_view text,
                                   const Stringprep_profile* profile,
                                   Stringprep_profile_flags flags) {
  std::optional<std::string> result;
  int error = STRINGPREP_TOO_SMALL_BUFFER;
  for (size_t size = 2 * text.size() + 64; error == STRINGPREP_TOO_SMALL_BUFFER;
       size *= 2) {
    std::string buffer(size, '\0');
    text.copy(buffer.data(), text.size());
    error = stringprep(buffer.data(), buffer.size(), flags, profile);
    if (error == STRINGPREP_OK) result.emplace(buffer.c_str());
    Wipe(&buffer);
  }
  return result;
}

}  // namespace

std::optional<std::string> SaslPrep(absl::string_view text) {
  if (text.empty()) return std::nullopt;
  // RFC 4013 changes no printable ASCII character.
  if (IsPrintableAscii(text)) return std::string(text);
  // libidn would read past the end of a truncated UTF-8 sequence.
  if (!IsUtf8(text) || text.find('\0') != text.npos) return std::nullopt;
  std::optional<std::string> result =
      Prepare(text, stringprep_saslprep, STRINGPREP_NO_UNASSIGNED);
  if (result && result->empty()) return std::nullopt;
  return result;
}

std::string FoldCase(absl::string_view text) {
  if (IsPrintableAscii(text)) return absl::AsciiStrToLower(text);
  // Nameprep (RFC 3491) is the profile of RFC 3454 that folds case.
  return Prepare(text, stringprep_nameprep, Stringprep_profile_flags(0))
      .value_or(absl::AsciiStrToLower(text));
}

}  // namespace postern::auth
