// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "net/tls_settings.h"

namespace postern::net {

std::optional<TlsVersion> ParseTlsVersion(absl::string_view text) {
  if (text == "1.0") return TlsVersion::kTls10;
  if (text == "1.1") return TlsVersion::kTls11;
  if (text == "1.2") return TlsVersion::kTls12;
  if (text == "1.3") return TlsVersion::kTls13;
  return std::nullopt;
}

}  // namespace postern::net
