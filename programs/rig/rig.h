// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// postern rig: an SMTP server for tests in any language.

#ifndef POSTERN_PROGRAMS_RIG_RIG_H_
#define POSTERN_PROGRAMS_RIG_RIG_H_

#include "programs/rig/rig_options.h"

namespace postern::programs {

// Serves until SIGTERM or SIGINT. Returns the exit code: 0; 1 if a fault with a
// number of times has applied less often, or a message could not be written to
// a file; 111 if the start failed, after a message on standard error.
int RunRig(const RigOptions& options);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_RIG_RIG_H_
