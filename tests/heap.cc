// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "tests/heap.h"

#include <malloc.h>
#include <string.h>

#include <algorithm>
#include <cstdlib>
#include <new>

namespace {

size_t held = 0;
size_t peak = 0;
absl::string_view watched;
size_t found = 0;

}  // namespace

// The standard library's other forms call these, except the forms for
// over-aligned types. The form that does not throw is here because
// AddressSanitizer replaces it independently.
void* operator new(size_t size) {
  void* const p = std::malloc(size);
  if (p == nullptr) std::abort();
  held += malloc_usable_size(p);
  peak = std::max(peak, held);
  return p;
}

void* operator new(size_t size, const std::nothrow_t&) noexcept {
  return operator new(size);
}

void operator delete(void* p) noexcept {
  const size_t size = malloc_usable_size(p);
  held -= size;
  if (!watched.empty() &&
      memmem(p, size, watched.data(), watched.size()) != nullptr) {
    ++found;
  }
  std::free(p);
}

void operator delete(void* p, size_t) noexcept { operator delete(p); }

namespace postern {

size_t HeapBytes() { return held; }
size_t HeapPeak() { return peak; }
void ForgetHeapPeak() { peak = held; }

void WatchFreed(absl::string_view text) {
  watched = text;
  found = 0;
}
size_t FreedWithText() { return found; }

}  // namespace postern
