// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Where postern init, the units and the deploy hook for certbot have the
// configuration of a host. dist/ names the same paths.

#ifndef POSTERN_SERVICE_CONFIG_PLACES_H_
#define POSTERN_SERVICE_CONFIG_PLACES_H_

#include "absl/strings/string_view.h"

namespace postern::service {

inline constexpr absl::string_view kConfigDirectory = "/etc/postern";

// In the directory of the configuration: the certificate with its chain, and
// the key.
inline constexpr absl::string_view kCertificateFile =
    "certificate/fullchain.pem";
inline constexpr absl::string_view kKeyFile = "certificate/privkey.pem";

}  // namespace postern::service

#endif  // POSTERN_SERVICE_CONFIG_PLACES_H_
