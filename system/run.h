// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A function that runs tasks on another thread.

#ifndef POSTERN_SYSTEM_RUN_H_
#define POSTERN_SYSTEM_RUN_H_

#include <functional>

#include "absl/functional/any_invocable.h"

namespace postern::system {

// Runs a task on another thread, soon, and returns at once. Thread-safe.
// Several tasks may run at the same time. Programs pass a function
// of net::ThreadPool. Tests pass one that runs the task at once, or keeps it.
using Run = std::function<void(absl::AnyInvocable<void() &&> task)>;

}  // namespace postern::system

#endif  // POSTERN_SYSTEM_RUN_H_
