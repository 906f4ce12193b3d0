// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// One direction of a loopback's connection.

#ifndef POSTERN_TESTS_LOOPBACK_WIRE_H_
#define POSTERN_TESTS_LOOPBACK_WIRE_H_

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "tests/loopback.h"

namespace postern {

// Carries bytes, in pieces, and keeps those that the session has not consumed.
class LoopbackWire {
 public:
  explicit LoopbackWire(const Chooser& choose) : choose_(choose) {}

  // Takes a part of `output`; returns its size.
  size_t Write(absl::string_view output) {
    const size_t n = output.empty() ? 0 : 1 + choose_(output.size());
    sent_.append(output.data(), n);
    return n;
  }
  // Lets some bytes arrive; returns false if there are none.
  bool Read() {
    if (sent_.empty()) return false;
    const size_t n = 1 + choose_(sent_.size());
    arrived_.append(sent_, 0, n);
    sent_.erase(0, n);
    return true;
  }
  // Gives the bytes that arrived to `session`, in a heap block that is freed in
  // the next call.
  template <typename Session>
  auto Advance(Session& session) {
    auto block =
        std::make_unique<std::vector<char>>(arrived_.begin(), arrived_.end());
    const auto step =
        session.Advance(absl::string_view(block->data(), block->size()));
    block_ = std::move(block);
    arrived_.erase(0, step.consumed);
    return step;
  }

  // Returns true if all that was written has arrived.
  bool drained() const { return sent_.empty(); }
  // Returns true if all that was written has been consumed.
  bool empty() const { return sent_.empty() && arrived_.empty(); }

 private:
  const Chooser& choose_;
  std::string sent_;
  std::string arrived_;
  std::unique_ptr<std::vector<char>> block_;
};

}  // namespace postern

#endif  // POSTERN_TESTS_LOOPBACK_WIRE_H_
