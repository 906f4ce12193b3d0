// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/line_endings.h"

#include <algorithm>
#include <cstring>

#include "absl/base/macros.h"

namespace postern::delivery {

// make_unique would write to every page of the buffer, which most messages do
// not fill.
LineEndings::LineEndings(size_t capacity)
    : capacity_(capacity), data_(new char[capacity + 2]) {
  ABSL_HARDENING_ASSERT(capacity >= 2);
}

void LineEndings::Put(const char* from, size_t size) {
  memcpy(data_.get() + size_, from, size);
  size_ += size;
}

bool LineEndings::Take(absl::string_view* text) {
  while (!text->empty()) {
    // Room for a held CR and the octet after it.
    if (capacity_ - size_ < 2) return false;
    if (held_) {
      held_ = false;
      if (text->front() != '\n') Put("\r", 1);
    }
    // The output is never longer than the input, so this fits.
    const absl::string_view chunk = text->substr(0, capacity_ - size_);
    const char* at = chunk.data();
    const char* const end = at + chunk.size();
    while (at != end) {
      const void* found = memchr(at, '\n', static_cast<size_t>(end - at));
      const char* const stop =
          found == nullptr ? end : static_cast<const char*>(found);
      const bool cr = stop != at && stop[-1] == '\r';
      Put(at, static_cast<size_t>(stop - at) - (cr ? 1 : 0));
      if (found == nullptr) {
        held_ = cr;
        break;
      }
      data_[size_++] = '\n';
      at = stop + 1;
    }
    text->remove_prefix(chunk.size());
    if (size_ > 0) last_ = data_[size_ - 1];
  }
  return true;
}

bool LineEndings::TakeAsIs(absl::string_view* text) {
  const size_t size = std::min(text->size(), capacity_ - size_);
  Put(text->data(), size);
  text->remove_prefix(size);
  if (size_ > 0) last_ = data_[size_ - 1];
  return text->empty();
}

void LineEndings::Finish() {
  if (held_) Put("\r", 1);
  if (held_ || last_ != '\n') Put("\n", 1);
  held_ = false;
  last_ = '\n';
}

}  // namespace postern::delivery
