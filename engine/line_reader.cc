// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/line_reader.h"

namespace postern {

LineReader::Result LineReader::Next(absl::string_view in, size_t max_line) {
  while (true) {
    const size_t lf = in.find('\n', scanned_);
    if (lf == absl::string_view::npos) {
      examined_ += in.size() - scanned_;
      break;
    }
    examined_ += lf + 1 - scanned_ + 1;  // and the octet before the LF
    scanned_ = lf + 1;
    if (lf == 0 || in[lf - 1] != '\r') continue;
    const bool overlong = discarding_ || lf + 1 > max_line;
    discarding_ = false;
    scanned_ = 0;
    if (overlong) return {Result::Kind::kOverlong, lf + 1};
    return {Result::Kind::kLine, lf + 1, in.substr(0, lf - 1)};
  }
  if (in.size() >= max_line) discarding_ = true;
  scanned_ = in.size();
  if (!discarding_) return {};
  ++examined_;
  // A CR at the end may be half of the CRLF that is waited for.
  const size_t kept = !in.empty() && in.back() == '\r' ? 1 : 0;
  scanned_ = kept;
  return {Result::Kind::kPartial, in.size() - kept};
}

}  // namespace postern
