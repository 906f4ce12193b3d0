// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Which Verdict fits which Ask.

#ifndef POSTERN_ENGINE_ANSWER_CHECK_H_
#define POSTERN_ENGINE_ANSWER_CHECK_H_

#include "absl/status/status.h"
#include "engine/event.h"
#include "engine/verdict.h"

namespace postern {

// Returns why `verdict` cannot answer `ask`: kFailedPrecondition if the kind of
// the answer does not fit, kInvalidArgument if its reply's code does not.
absl::Status CheckAnswer(const Ask& ask, const Verdict& verdict);

}  // namespace postern

#endif  // POSTERN_ENGINE_ANSWER_CHECK_H_
