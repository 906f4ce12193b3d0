// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Counts what a test program holds on the heap. A program that links this has
// operators new and delete that count; it may have one thread.

#ifndef POSTERN_TESTS_HEAP_H_
#define POSTERN_TESTS_HEAP_H_

#include <cstddef>

namespace postern {

// Returns the bytes that are allocated now, with what the allocator gave beyond
// what was asked for.
size_t HeapBytes();

// Returns the most that HeapBytes() was since ForgetHeapPeak().
size_t HeapPeak();
void ForgetHeapPeak();

}  // namespace postern

#endif  // POSTERN_TESTS_HEAP_H_
