// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/grammar/line_reader.h"

#include <utility>

namespace postern {

LineReader::Result LineReader::Next(absl::string_view in, size_t max_line,
                                    Strictness strictness) {
  const size_t lf = in.find('\n', scanned_);
  if (lf != absl::string_view::npos) {
    examined_ += lf + 1 - scanned_ + 1;  // also the octet before the LF
    scanned_ = 0;
    const bool overlong =
        std::exchange(discarding_, false) || lf + 1 > max_line;
    const bool crlf = lf > 0 && in[lf - 1] == '\r';
    Result result{Result::Kind::kLine, lf + 1};
    if (!overlong) result.line = in.substr(0, crlf ? lf - 1 : lf);
    if (!crlf && strictness == Strictness::kStrict) {
      result.kind = Result::Kind::kBareLf;
    } else if (overlong) {
      result.kind = Result::Kind::kOverlong;
    }
    return result;
  }
  examined_ += in.size() - scanned_;
  if (in.size() >= max_line) discarding_ = true;
  scanned_ = in.size();
  if (!discarding_) return {};
  ++examined_;
  // A CR at the end may be the first half of the CRLF.
  const size_t kept = !in.empty() && in.back() == '\r' ? 1 : 0;
  scanned_ = kept;
  return {Result::Kind::kPartial, in.size() - kept};
}

}  // namespace postern
