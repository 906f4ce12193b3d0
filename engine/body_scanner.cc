// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/body_scanner.h"

#include <algorithm>

namespace postern {

BodyScanner::Result BodyScanner::Scan(absl::string_view in) {
  count_ = 0;
  size_t from = 0;  // start of the slice under way
  size_t at = 0;    // everything before it is decided
  // The next LF at or behind `at`. Kept over the CRs before it, and over
  // calls, or a stream of bare CRs would make each of them search the rest
  // again.
  size_t lf = in.find('\n', clear_);
  // An iteration emits two slices at most, and one more is flushed at the end.
  while (count_ + 3 <= slices_.size() && at < in.size()) {
    if (line_start_ && in[at] == '.') {
      const absl::string_view view = in.substr(at, 3);
      if (view == ".\r\n") {
        Emit(in.substr(from, at - from));
        return {at + 3, true, absl::MakeConstSpan(slices_.data(), count_)};
      }
      if (view == "." || view == ".\r") break;
      Emit(in.substr(from, at - from));
      from = ++at;
      line_start_ = false;
      continue;
    }
    if (lf < at) lf = in.find('\n', at);
    const size_t end = std::min(lf, in.size());
    const size_t cr = in.substr(at, end - at).find('\r');
    if (cr == absl::string_view::npos) {
      if (end > at) line_start_ = false;
      if (end == in.size()) {
        at = end;
        break;
      }
      Emit(in.substr(from, lf - from));
      BareNewline('\n');
      from = at = lf + 1;
      continue;
    }
    const size_t behind = at + cr + 1;
    if (cr > 0) line_start_ = false;
    if (behind == in.size()) {
      at = behind - 1;  // perhaps half of a CRLF
      break;
    }
    if (behind == lf) {
      at = lf + 1;
      line_start_ = true;
      ++lines_;
      continue;
    }
    Emit(in.substr(from, behind - 1 - from));
    BareNewline('\r');
    from = at = behind;
  }
  Emit(in.substr(from, at - from));
  lf = std::min(lf, in.size());
  clear_ = lf > at ? lf - at : 0;
  return {at, false, absl::MakeConstSpan(slices_.data(), count_)};
}

void BodyScanner::Emit(absl::string_view slice) {
  if (slice.empty() || defect_) return;
  size_ += slice.size();
  slices_[count_++] = slice;
}

void BodyScanner::BareNewline(char newline) {
  ++lines_;
  // Not a line start: a '.' behind it is content, and cannot end the data.
  line_start_ = false;
  if (mode_ == BareNewlines::kNormalize) {
    Emit("\r\n");
  } else if (!defect_) {
    defect_ = Defect{newline, lines_};
  }
}

}  // namespace postern
