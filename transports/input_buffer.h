// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The buffer between a descriptor and ServerSession::Advance().

#ifndef POSTERN_TRANSPORTS_INPUT_BUFFER_H_
#define POSTERN_TRANSPORTS_INPUT_BUFFER_H_

#include <string.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>

#include "absl/base/macros.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace postern::transports {

// InputBuffer keeps the consumption law of the engine: the first byte of
// view() is the first byte not consumed. A size of ServerConfig::InputRoom() at
// least never fills up behind kNeedInput.
class InputBuffer {
 public:
  explicit InputBuffer(size_t size) : size_(size), bytes_(new char[size]) {}

  absl::string_view view() const {
    return absl::string_view(bytes_.get() + begin_, end_ - begin_);
  }

  // Overwrites the first `n` bytes of view(), for Step::secret.
  void Wipe(size_t n) {
    ABSL_HARDENING_ASSERT(n <= end_ - begin_);
    explicit_bzero(bytes_.get() + begin_, n);
  }

  // Drops the first `n` bytes of view().
  void Consume(size_t n) {
    ABSL_HARDENING_ASSERT(n <= end_ - begin_);
    begin_ += n;
    if (begin_ == end_) begin_ = end_ = 0;
  }

  // Returns where to read to, at least one byte, unless view() has all of the
  // buffer's size. Ends the life of earlier views.
  absl::Span<char> Room() {
    // Little is left over between reads: part of a line, or of an end of data.
    if (begin_ > 0) {
      // It may be part of a password, which Wipe() finds in one place.
      const size_t left = end_ - begin_;
      std::memmove(bytes_.get(), bytes_.get() + begin_, left);
      const size_t stale = std::max(left, begin_);
      explicit_bzero(bytes_.get() + stale, end_ - stale);
      end_ = left;
      begin_ = 0;
    }
    return {bytes_.get() + end_, size_ - end_};
  }

  // Says that the first `n` bytes of Room() have been filled.
  void Filled(size_t n) {
    ABSL_HARDENING_ASSERT(n <= size_ - end_);
    end_ += n;
  }

 private:
  const size_t size_;
  const std::unique_ptr<char[]> bytes_;
  size_t begin_ = 0;
  size_t end_ = 0;
};

}  // namespace postern::transports

#endif  // POSTERN_TRANSPORTS_INPUT_BUFFER_H_
