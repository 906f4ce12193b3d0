// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The classes of clients of a relay surface.

#ifndef POSTERN_POLICY_SURFACE_CLIENT_CLASSES_H_
#define POSTERN_POLICY_SURFACE_CLIENT_CLASSES_H_

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "policy/check.h"
#include "policy/surface/relay_surface.h"

namespace postern::policy {

// Sets `addresses`, `clients`, `profiles` (without Profile::recipients),
// `unreached_rules` and `notes` of the surface. Profiles have the variables
// that `checks` read. Errors are those of TcpRules::ForEach().
absl::Status AddClients(const SurfaceInput& input,
                        absl::Span<const CheckEntry> checks, Surface* surface);

}  // namespace postern::policy

#endif  // POSTERN_POLICY_SURFACE_CLIENT_CLASSES_H_
