// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Counts the heap memory of a test program, and searches memory that it frees.
// Replaces operators new and delete. The program must have only one thread.

#ifndef POSTERN_TESTS_HEAP_H_
#define POSTERN_TESTS_HEAP_H_

#include <cstddef>

#include "absl/strings/string_view.h"

namespace postern {

// Returns the bytes that are allocated now, including what the allocator added
// to the requested sizes.
size_t HeapBytes();

// Returns the maximum of HeapBytes() since ForgetHeapPeak().
size_t HeapPeak();
void ForgetHeapPeak();

// Searches for `text` in memory that is freed from now on, and resets
// FreedWithText(). An empty text ends the search. `text` must stay valid until
// then.
void WatchFreed(absl::string_view text);
// Returns how many freed blocks contained the text.
size_t FreedWithText();

}  // namespace postern

#endif  // POSTERN_TESTS_HEAP_H_
