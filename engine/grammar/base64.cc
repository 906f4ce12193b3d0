// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/grammar/base64.h"

#include "absl/strings/escaping.h"
#include "engine/grammar/wipe.h"

namespace postern {

std::optional<std::string> DecodeBase64(absl::string_view text) {
  std::optional<std::string> bytes(std::in_place);
  // Abseil accepts white space and missing padding. Encoding the bytes again
  // shows whether `text` had them. Both strings may be a password.
  bool canonical = absl::Base64Unescape(text, &*bytes);
  if (canonical) {
    canonical = Secret(absl::Base64Escape(*bytes)).text() == text;
  }
  if (!canonical) {
    Wipe(&*bytes);
    bytes.reset();
  }
  return bytes;
}

std::string EncodeBase64(absl::string_view bytes) {
  return absl::Base64Escape(bytes);
}

}  // namespace postern
