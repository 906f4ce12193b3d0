// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// postern serve, wired together.

#ifndef POSTERN_PROGRAMS_SERVE_SERVE_H_
#define POSTERN_PROGRAMS_SERVE_SERVE_H_

#include "programs/serve/serve_options.h"

namespace postern::programs {

// Serves until SIGTERM or SIGINT, and returns the exit code: 0; 111 if it
// cannot be served for a reason that may pass, as an address in use; 100 for
// options that make no sense. The log says why.
int RunServe(const ServeOptions& options);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_SERVE_SERVE_H_
