// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// How work that may wait gets onto another thread.

#ifndef POSTERN_SYSTEM_RUN_H_
#define POSTERN_SYSTEM_RUN_H_

#include <functional>

#include "absl/functional/any_invocable.h"

namespace postern::system {

// Runs a task on another thread, soon, and returns at once. Thread-safe. Tasks
// of several threads may run side by side. net::ThreadPool is what programs
// give; tests give what runs the task at once, or keeps it.
using Run = std::function<void(absl::AnyInvocable<void() &&> task)>;

}  // namespace postern::system

#endif  // POSTERN_SYSTEM_RUN_H_
