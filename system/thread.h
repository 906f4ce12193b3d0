// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Starts threads. All threads of a program start here, so that each has a name
// and a thread that cannot be started is an error, not an exception.

#ifndef POSTERN_SYSTEM_THREAD_H_
#define POSTERN_SYSTEM_THREAD_H_

#include <string>
#include <thread>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace postern::system {

// Starts a thread that calls `function` and then ends. `top -H`, `ps -L` and
// debuggers show `name`, of which Linux keeps the first 15 bytes. The thread
// has the signal mask of the calling thread.
//
// Returns ResourceExhausted if the system has no more threads. The error names
// the thread. `function` is then destroyed without a call.
absl::StatusOr<std::thread> StartThread(absl::string_view name,
                                        absl::AnyInvocable<void() &&> function);

// Returns the name of the calling thread.
std::string ThreadName();

}  // namespace postern::system

#endif  // POSTERN_SYSTEM_THREAD_H_
