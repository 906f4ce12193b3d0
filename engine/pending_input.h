// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Input that a connection has received and not yet consumed.

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
// owns memory only while some input is left over. This input is copied once,
// out of the shared buffer, and is then consumed where it is; further input is
// appended to it. So at most six octets are copied for each octet received,
// plus kSmall for each read, however the client splits its input and however
// often it waits for an answer. It owns at most the `most` octets of Room().
//
// The first octet of view() is the first one not consumed, as the engine
// expects. A password may be anywhere in it: octets that are moved are wiped at
// their old place, and consumed ones are wiped with Wipe().
//
// Thread-compatible.
class PendingInput {
 public:
  // At most this much is moved back to the shared buffer for the next read.
  // Most commands that arrive in two pieces are shorter.
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

  // Removes the first `n` octets from view(). They stay readable until Room()
  // or Keep(), for the content of a step.
  void Consume(size_t n) {
    ABSL_HARDENING_ASSERT(n <= view().size());
    begin_ += static_cast<uint32_t>(n);
  }

  // Returns where to read to: at least one octet, and at most so many that
  // view() then has `most` octets. It must have fewer before. `shared` is the
  // buffer of the thread, the same in all calls until Keep(), with at least
  // `most` octets. Invalidates earlier views.
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

  // Reports that the first `n` octets of Room() are filled.
  void Filled(size_t n) {
    ABSL_HARDENING_ASSERT(n <= capacity_ - end_);
    end_ += static_cast<uint32_t>(n);
  }

  // Moves input out of the shared buffer, for another connection to use it.
  // Invalidates earlier views.
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

  // Wipes and drops all input.
  void Clear() {
    Wipe(view().size());
    begin_ = end_;
    Keep();
  }

  // Octets of memory that the object owns.
  size_t owned() const { return own_ == nullptr ? 0 : capacity_; }
  // Octets moved so far by all objects of the thread, for tests.
  static uint64_t& moved() {
    thread_local uint64_t count = 0;
    return count;
  }

 private:
  // Moves view() to the start of `to`, and wipes the octets left at its old
  // place.
  void MoveTo(char* to) {
    char* const from = base_ + begin_;
    const size_t left = end_ - begin_;
    std::memmove(to, from, left);
    if (to == base_) {
      // The source and the destination may overlap.
      const size_t stale = std::max<size_t>(left, begin_);
      explicit_bzero(base_ + stale, end_ - stale);
    } else {
      explicit_bzero(from, left);
    }
    begin_ = 0;
    end_ = static_cast<uint32_t>(left);
    moved() += left;
  }

  // Moves view() to owned memory of `capacity` octets.
  void Own(size_t capacity) {
    std::unique_ptr<char[]> own(new char[capacity]);
    MoveTo(own.get());
    own_ = std::move(own);
    base_ = own_.get();
    capacity_ = static_cast<uint32_t>(capacity);
  }

  std::unique_ptr<char[]> own_;  // null: the shared buffer is used
  char* base_ = nullptr;         // of the buffer in use
  uint32_t capacity_ = 0;        // of the buffer in use
  uint32_t begin_ = 0;           // of view(), as an offset from base_
  uint32_t end_ = 0;
};

}  // namespace postern

#endif  // POSTERN_ENGINE_PENDING_INPUT_H_
