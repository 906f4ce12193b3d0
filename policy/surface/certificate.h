// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The certificate of a relay surface: a JSON text with the classes, the
// witnesses and the verdicts, which tools/check-certificate verifies.
// docs/certificate.md describes the format.

#ifndef POSTERN_POLICY_SURFACE_CERTIFICATE_H_
#define POSTERN_POLICY_SURFACE_CERTIFICATE_H_

#include <string>

#include "policy/surface/relay_surface.h"

namespace postern::policy {

// Returns the certificate, with a line end. Octets that are not UTF-8 are
// written as U+FFFD.
std::string WriteCertificate(const Surface& surface);

}  // namespace postern::policy

#endif  // POSTERN_POLICY_SURFACE_CERTIFICATE_H_
