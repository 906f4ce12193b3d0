// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "tests/heap.h"

#include <malloc.h>

#include <algorithm>
#include <cstdlib>
#include <new>

namespace {

size_t held = 0;
size_t peak = 0;

}  // namespace

// The other forms of the standard library, but those for types of more than
// usual alignment, come down to these.
void* operator new(size_t size) {
  void* const p = std::malloc(size);
  if (p == nullptr) std::abort();
  held += malloc_usable_size(p);
  peak = std::max(peak, held);
  return p;
}

void operator delete(void* p) noexcept {
  held -= malloc_usable_size(p);
  std::free(p);
}

void operator delete(void* p, size_t) noexcept { operator delete(p); }

namespace postern {

size_t HeapBytes() { return held; }
size_t HeapPeak() { return peak; }
void ForgetHeapPeak() { peak = held; }

}  // namespace postern
