// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Loopbacks of all kinds, out of numbers.

#ifndef POSTERN_TESTS_LOOPBACK_CHOICE_H_
#define POSTERN_TESTS_LOOPBACK_CHOICE_H_

#include "tests/loopback.h"

namespace postern {

// Returns the loopback that `choose` leads to. Zeros lead to the plainest: SMTP
// without extensions, and no acts.
Loopback ChooseLoopback(const Chooser& choose);

}  // namespace postern

#endif  // POSTERN_TESTS_LOOPBACK_CHOICE_H_
