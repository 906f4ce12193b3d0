// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/hop_counter.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace postern {

void HopCounter::Add(absl::string_view content) {
  while (in_header_ && !content.empty()) {
    if (!in_prefix_) {
      const size_t lf = content.find('\n');
      if (lf == absl::string_view::npos) return;
      content.remove_prefix(lf + 1);
      in_prefix_ = true;
      length_ = 0;
      continue;
    }
    const char c = content.front();
    if (c == '\n') {
      const absl::string_view line(prefix_.data(), length_);
      if (line.empty() || line == "\r") {
        in_header_ = false;
        return;
      }
      EndOfPrefix();  // the LF itself is left for the search above
      continue;
    }
    content.remove_prefix(1);
    prefix_[length_++] = absl::ascii_tolower(c);
    if (length_ == prefix_.size()) EndOfPrefix();
  }
}

void HopCounter::EndOfPrefix() {
  const absl::string_view line(prefix_.data(), length_);
  if (absl::StartsWith(line, "received") || line == "delivered") ++hops_;
  in_prefix_ = false;
}

}  // namespace postern
