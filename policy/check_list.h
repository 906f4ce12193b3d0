// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The checks of the programs, in the order in which they are asked.

#ifndef POSTERN_POLICY_CHECK_LIST_H_
#define POSTERN_POLICY_CHECK_LIST_H_

#include <string>

#include "absl/types/span.h"
#include "policy/check.h"

namespace postern::policy {

// Returns the list. Checks of the same stage are asked in the order of the
// list.
absl::Span<const CheckEntry> CheckList();

// Returns the list as text for --help and the manual page: one line or more for
// each check.
std::string FormatChecks(absl::Span<const CheckEntry> list);

}  // namespace postern::policy

#endif  // POSTERN_POLICY_CHECK_LIST_H_
