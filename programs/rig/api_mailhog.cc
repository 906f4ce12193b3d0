// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/rig/route.h"

namespace postern::programs {
absl::Span<const Route> MailHogRoutes() { return {}; }
}  // namespace postern::programs
