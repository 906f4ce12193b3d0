// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What a relay surface grants.

#ifndef POSTERN_PROGRAMS_CHECK_SURFACE_GRANTS_H_
#define POSTERN_PROGRAMS_CHECK_SURFACE_GRANTS_H_

#include <vector>

#include "policy/surface/relay_surface.h"
#include "programs/check/grants.h"

namespace postern::programs {

// Returns what the surface grants, for comparison with a declaration. It may be
// more than the surface grants, and is never less: a rule for a host name
// counts for all addresses, and an IPv6 prefix that is no network counts as the
// smallest network around it.
std::vector<Grant> GrantsOf(const policy::Surface& surface);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_CHECK_SURFACE_GRANTS_H_
