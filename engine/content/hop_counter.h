// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Counts the hops of a message, RFC 5321 6.3.

#ifndef POSTERN_ENGINE_CONTENT_HOP_COUNTER_H_
#define POSTERN_ENGINE_CONTENT_HOP_COUNTER_H_

#include <array>
#include <cstddef>

#include "absl/strings/string_view.h"
#include "engine/content/scan_path.h"

namespace postern {

// HopCounter counts header lines that begin with "received" or "delivered", in
// any case, as qmail-smtpd does. It takes the content in pieces of any size,
// stops at the first empty line, and stores nine bytes.
class HopCounter {
 public:
  // The count stops here, because a header may have any length.
  static constexpr int kMaxHops = 1 << 20;

  // `path` must be able to run on this machine. The count does not depend on
  // it.
  explicit HopCounter(ScanPath path = ChosenScanPath()) : path_(path) {}

  // Counts in the next octets of the message.
  void Add(absl::string_view content) {
    if (in_header_) AddHeader(content);
  }
  // Returns the hops so far, at most kMaxHops.
  int hops() const { return hops_; }

 private:
  void AddHeader(absl::string_view content);
  size_t TakePrefix(absl::string_view content);
  size_t SkipLines(absl::string_view content);
  void TakeLine(const char* prefix);

  ScanPath path_;
  bool in_header_ = true;
  bool in_prefix_ = true;  // within the first bytes of a line
  size_t length_ = 0;      // of the prefix so far
  std::array<char, 9> prefix_{};
  int hops_ = 0;
};

}  // namespace postern

#endif  // POSTERN_ENGINE_CONTENT_HOP_COUNTER_H_
