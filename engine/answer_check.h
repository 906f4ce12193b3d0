// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Checks that a Verdict fits an Ask.

#ifndef POSTERN_ENGINE_ANSWER_CHECK_H_
#define POSTERN_ENGINE_ANSWER_CHECK_H_

#include "absl/status/status.h"
#include "engine/ask.h"
#include "engine/verdict.h"

namespace postern {

// Returns OK if `verdict` can answer `ask`. Otherwise kFailedPrecondition if
// this kind of answer does not fit, kInvalidArgument if the code of its reply
// does not.
absl::Status CheckAnswer(const Ask& ask, const Verdict& verdict);

}  // namespace postern

#endif  // POSTERN_ENGINE_ANSWER_CHECK_H_
