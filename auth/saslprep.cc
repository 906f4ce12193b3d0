// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/saslprep.h"

#include <string.h>
#include <stringprep.h>

#include <cstdlib>

#include "engine/utf8.h"
#include "engine/wipe.h"

namespace postern::auth {

std::optional<std::string> SaslPrep(absl::string_view text) {
  if (text.empty()) return std::nullopt;
  // Nothing in RFC 4013 is about these.
  if (IsPrintableAscii(text)) return std::string(text);
  // libidn reads on behind what is cut short.
  if (!IsUtf8(text) || text.find('\0') != text.npos) return std::nullopt;
  std::string copy(text);
  char* prepared = nullptr;
  const int error = stringprep_profile(copy.c_str(), &prepared, "SASLprep",
                                       STRINGPREP_NO_UNASSIGNED);
  Wipe(&copy);  // it may be a password
  std::optional<std::string> result;
  if (error == STRINGPREP_OK && *prepared != '\0') result.emplace(prepared);
  if (error == STRINGPREP_OK) {
    explicit_bzero(prepared, strlen(prepared));
    free(prepared);
  }
  return result;
}

}  // namespace postern::auth
