// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/base64.h"

#include "absl/strings/escaping.h"

namespace postern {

std::optional<std::string> DecodeBase64(absl::string_view text) {
  std::optional<std::string> bytes(std::in_place);
  // Abseil lets white space and missing padding pass. What it makes of them is
  // encoded otherwise.
  if (!absl::Base64Unescape(text, &*bytes) ||
      absl::Base64Escape(*bytes) != text) {
    bytes.reset();
  }
  return bytes;
}

std::string EncodeBase64(absl::string_view bytes) {
  return absl::Base64Escape(bytes);
}

}  // namespace postern
