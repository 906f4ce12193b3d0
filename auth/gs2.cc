// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/gs2.h"

#include <cstddef>
#include <utility>

#include "absl/strings/strip.h"
#include "engine/grammar/utf8.h"

namespace postern::auth {

std::optional<Gs2Header> TakeGs2Header(absl::string_view* message) {
  absl::string_view rest = *message;
  if (!absl::ConsumePrefix(&rest, "n,") && !absl::ConsumePrefix(&rest, "y,")) {
    return std::nullopt;
  }
  const size_t comma = rest.find(',');
  if (comma == rest.npos) return std::nullopt;
  absl::string_view name = rest.substr(0, comma);
  rest.remove_prefix(comma + 1);
  Gs2Header header;
  header.text = message->substr(0, message->size() - rest.size());
  if (!name.empty()) {
    if (!absl::ConsumePrefix(&name, "a=")) return std::nullopt;
    std::optional<std::string> decoded = DecodeSaslName(name);
    if (!decoded) return std::nullopt;
    header.authorization_identity = *std::move(decoded);
  }
  *message = rest;
  return header;
}

std::optional<std::string> DecodeSaslName(absl::string_view text) {
  if (text.empty() || !IsUtf8(text)) return std::nullopt;
  std::string name;
  while (!text.empty()) {
    if (absl::ConsumePrefix(&text, "=2C")) {
      name.push_back(',');
    } else if (absl::ConsumePrefix(&text, "=3D")) {
      name.push_back('=');
    } else if (text[0] == '=' || text[0] == '\0') {
      return std::nullopt;
    } else {
      name.push_back(text[0]);
      text.remove_prefix(1);
    }
  }
  return name;
}

}  // namespace postern::auth
