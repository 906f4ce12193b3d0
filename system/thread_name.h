// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Names of threads, as shown by `top -H`, `ps -L` and debuggers.

#ifndef POSTERN_SYSTEM_THREAD_NAME_H_
#define POSTERN_SYSTEM_THREAD_NAME_H_

#include <string>

#include "absl/strings/string_view.h"

namespace postern::system {

// Names the calling thread. Linux keeps the first 15 bytes.
void NameThread(absl::string_view name);

// Returns the name of the calling thread.
std::string ThreadName();

}  // namespace postern::system

#endif  // POSTERN_SYSTEM_THREAD_NAME_H_
