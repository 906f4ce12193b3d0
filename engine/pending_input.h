// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What one of many connections has received and not served yet.

#ifndef POSTERN_ENGINE_PENDING_INPUT_H_
#define POSTERN_ENGINE_PENDING_INPUT_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>

#include "absl/base/macros.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace postern {

// PendingInput reads into a buffer that all connections of a thread share, and
// owns memory only while something is left over. What is left over is copied
// once, out of the shared buffer, and is then served where it lies; further
// input is appended to it. So the octets that are copied are at most six for
// each octet received, plus kSmall for each read, however the client cut its
// input and however often it has to wait for an answer. It owns at most the
// `most` of Room().
//
// The first octet of view() is the first octet not consumed, as the engine
// wants it. A password may be anywhere in it: octets that are moved are wiped
// where they were, and Wipe() is for those that are consumed.
//
// Thread-compatible.
class PendingInput {
 public:
  // This much is moved back to the shared buffer for the next read, since most
  // commands that arrive in two pieces are shorter.
  static constexpr size_t kSmall = 64;

  PendingInput() = default;
  PendingInput(const PendingInput&) = delete;
  PendingInput& operator=(const PendingInput&) = delete;
  ~PendingInput() { Clear(); }

  absl::string_view view() const {
    return absl::string_view(base_ + begin_, end_ - begin_);
  }

  // Overwrites the first `n` octets of view(), for Step::secret.
  void Wipe(size_t n) {
    ABSL_HARDENING_ASSERT(n <= view().size());
    if (n > 0) explicit_bzero(base_ + begin_, n);
  }

  // Drops the first `n` octets of view(). They stay readable until Room() or
  // Keep(), for the content of a step.
  void Consume(size_t n) {
    ABSL_HARDENING_ASSERT(n <= view().size());
    begin_ += static_cast<uint32_t>(n);
  }

  // Returns where to read to: at least one octet, and so many that view() then
  // has at most `most` octets, of which it must have fewer now. `shared` is the
  // buffer of the thread, the same in all calls up to Keep(), and has at least
  // `most` octets. Ends the life of earlier views.
  absl::Span<char> Room(absl::Span<char> shared, size_t most) {
    const size_t left = view().size();
    ABSL_HARDENING_ASSERT(left < most && most <= shared.size());
    if (own_ == nullptr) {
      base_ = shared.data();
      capacity_ = static_cast<uint32_t>(shared.size());
      if (begin_ > 0) MoveTo(base_);
    } else if (left <= kSmall) {
      MoveTo(shared.data());
      own_.reset();
      base_ = shared.data();
      capacity_ = static_cast<uint32_t>(shared.size());
    } else if (end_ == capacity_ && begin_ >= capacity_ / 2) {
      MoveTo(base_);
    } else if (end_ == capacity_) {
      Own(std::min(2 * left, most));
    }
    return {base_ + end_, std::min<size_t>(capacity_ - end_, most - left)};
  }

  // Says that the first `n` octets of Room() have been filled.
  void Filled(size_t n) {
    ABSL_HARDENING_ASSERT(n <= capacity_ - end_);
    end_ += static_cast<uint32_t>(n);
  }

  // Leaves the shared buffer to another connection. Ends the life of earlier
  // views.
  void Keep() {
    const size_t left = view().size();
    if (left == 0) {
      own_.reset();
      begin_ = end_ = capacity_ = 0;
      base_ = nullptr;
    } else if (own_ == nullptr || left <= capacity_ / 4) {
      Own(left);
    }
  }

  // Wipes and forgets all of it.
  void Clear() {
    Wipe(view().size());
    begin_ = end_;
    Keep();
  }

  // Octets of memory that it owns.
  size_t owned() const { return own_ == nullptr ? 0 : capacity_; }
  // Octets moved so far by all objects of the thread, for tests.
  static uint64_t& moved() {
    thread_local uint64_t count = 0;
    return count;
  }

 private:
  // Moves view() to the begin of `to`, and wipes what is not there any more.
  void MoveTo(char* to) {
    char* const from = base_ + begin_;
    const size_t left = end_ - begin_;
    std::memmove(to, from, left);
    if (to == base_) {
      // The two may overlap.
      const size_t stale = std::max<size_t>(left, begin_);
      explicit_bzero(base_ + stale, end_ - stale);
    } else {
      explicit_bzero(from, left);
    }
    begin_ = 0;
    end_ = static_cast<uint32_t>(left);
    moved() += left;
  }

  // Has view() in memory of its own, of `capacity` octets.
  void Own(size_t capacity) {
    std::unique_ptr<char[]> own(new char[capacity]);
    MoveTo(own.get());
    own_ = std::move(own);
    base_ = own_.get();
    capacity_ = static_cast<uint32_t>(capacity);
  }

  std::unique_ptr<char[]> own_;  // null: it lies in the shared buffer
  char* base_ = nullptr;         // of either
  uint32_t capacity_ = 0;        // of either
  uint32_t begin_ = 0;           // of view(), from base_
  uint32_t end_ = 0;
};

}  // namespace postern

#endif  // POSTERN_ENGINE_PENDING_INPUT_H_
