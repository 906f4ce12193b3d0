// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Makes loopbacks of all kinds from random numbers.

#ifndef POSTERN_TESTS_LOOPBACK_CHOICE_H_
#define POSTERN_TESTS_LOOPBACK_CHOICE_H_

#include "tests/loopback.h"

namespace postern {

// Returns the loopback that the numbers of `choose` describe. If all are zero:
// SMTP without extensions or acts.
Loopback ChooseLoopback(const Chooser& choose);

}  // namespace postern

#endif  // POSTERN_TESTS_LOOPBACK_CHOICE_H_
