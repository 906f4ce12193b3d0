// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The GS2 header (RFC 5801 4), with which the client's first message begins in
// SCRAM (RFC 5802 7) and OAUTHBEARER (RFC 7628 3.1).

#ifndef POSTERN_AUTH_GS2_H_
#define POSTERN_AUTH_GS2_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace postern::auth {

struct Gs2Header {
  // The header as sent, with the comma at its end: "n,," or "n,a=user,".
  absl::string_view text;
  // The name after "a=". Empty if there is none.
  std::string authorization_identity;
};

// Removes the GS2 header from `message` and returns it. Returns nullopt, and
// leaves `message` as it was, if there is no valid header, or if the header has
// a channel binding, which no mechanism of this server supports. A "y", with
// which a client says that it supports channel binding, is accepted.
std::optional<Gs2Header> TakeGs2Header(absl::string_view* message);

// Decodes a saslname: "=2C" is a comma and "=3D" a '='. Returns nullopt if
// `text` is empty or not UTF-8, has a NUL, or has another '='.
std::optional<std::string> DecodeSaslName(absl::string_view text);

}  // namespace postern::auth

#endif  // POSTERN_AUTH_GS2_H_
