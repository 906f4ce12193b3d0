// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Counts what a test program holds on the heap, and looks at what it frees. A
// program that links this has
// operators new and delete that count; it may have one thread.

#ifndef POSTERN_TESTS_HEAP_H_
#define POSTERN_TESTS_HEAP_H_

#include <cstddef>

#include "absl/strings/string_view.h"

namespace postern {

// Returns the bytes that are allocated now, with what the allocator gave beyond
// what was asked for.
size_t HeapBytes();

// Returns the most that HeapBytes() was since ForgetHeapPeak().
size_t HeapPeak();
void ForgetHeapPeak();

// Watches for `text`, which is static and not empty, in the memory that is
// freed from now on.
void WatchFreed(absl::string_view text);
// Returns how many blocks have been freed with it since.
size_t FreedWithText();

}  // namespace postern

#endif  // POSTERN_TESTS_HEAP_H_
