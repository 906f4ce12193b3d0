// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// An example of a command: ETRN (RFC 1985). docs/extending.md explains it.

#ifndef POSTERN_EXAMPLES_ETRN_H_
#define POSTERN_EXAMPLES_ETRN_H_

#include <memory>

#include "absl/status/statusor.h"
#include "policy/check.h"

namespace postern::examples {

// Accepts ETRN for a domain in rcpthosts from relay clients, and refuses it in
// all other cases (459, RFC 1985 5.3). A real implementation would also start
// the queue, and answer later.
absl::StatusOr<std::unique_ptr<const policy::Check>> MakeEtrn(
    const policy::CheckSetup& setup);

// Its entry in the list of checks.
inline constexpr policy::CheckEntry kEtrnEntry = {
    {.rule = "etrn",
     .stage = policy::CheckStage::kVerb,
     .accepts = true,
     .needs = "rcpthosts",
     .help = "starts the queue for a domain (ETRN)"},
    MakeEtrn};

}  // namespace postern::examples

#endif  // POSTERN_EXAMPLES_ETRN_H_
