// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The checks of the programs, in the order in which they are asked.

#ifndef POSTERN_POLICY_CHECK_LIST_H_
#define POSTERN_POLICY_CHECK_LIST_H_

#include <string>

#include "absl/types/span.h"
#include "policy/check.h"

namespace postern::policy {

// Returns the list. Of two checks of one stage, the first in it is asked first.
absl::Span<const CheckEntry> CheckList();

// Returns the list as text for --help and the manual: a line or more for each
// check.
std::string FormatChecks(absl::Span<const CheckEntry> list);

}  // namespace postern::policy

#endif  // POSTERN_POLICY_CHECK_LIST_H_
