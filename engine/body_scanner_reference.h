// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// For tests: what BodyScanner must come to, written once more and plainly.

#ifndef POSTERN_ENGINE_BODY_SCANNER_REFERENCE_H_
#define POSTERN_ENGINE_BODY_SCANNER_REFERENCE_H_

#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "engine/body_scanner.h"
#include "gtest/gtest.h"

namespace postern {

// What a stream of content comes to, however it was cut.
struct ScanOutcome {
  std::string content;
  bool end = false;
  size_t consumed = 0;  // only where `end`
  char newline = 0;     // of the defect; 0: none
  uint64_t line = 0;

  friend bool operator==(const ScanOutcome&, const ScanOutcome&) = default;
  friend std::ostream& operator<<(std::ostream& out, const ScanOutcome& o) {
    return out << testing::PrintToString(o.content) << " end " << o.end
               << " consumed " << o.consumed << " defect " << int{o.newline}
               << " in line " << o.line;
  }
};

// The automaton of BodyScanner's comment, a byte at a time.
inline ScanOutcome ReferenceScan(absl::string_view in, BareNewlines mode) {
  enum { kLine, kText, kCr, kDot, kDotCr } state = kLine;
  ScanOutcome out;
  uint64_t line = 1;
  const auto emit = [&](absl::string_view text) {
    if (out.newline == 0) out.content.append(text.data(), text.size());
  };
  const auto bare = [&](char c) {
    if (mode == BareNewlines::kNormalize) emit("\r\n");
    if (mode == BareNewlines::kReject && out.newline == 0) {
      out.newline = c;
      out.line = line;
    }
    ++line;
    state = kText;
  };
  for (size_t i = 0; i < in.size(); ++i) {
    const char c = in[i];
    if (state == kDotCr && c == '\n') {
      out.end = true;
      out.consumed = i + 1;
      return out;
    }
    if (state == kCr && c == '\n') {
      emit("\r\n");
      ++line;
      state = kLine;
      continue;
    }
    if (state == kCr || state == kDotCr) bare('\r');
    if (c == '\n') {
      bare('\n');
    } else if (c == '\r') {
      state = state == kDot ? kDotCr : kCr;
    } else if (c == '.' && state == kLine) {
      state = kDot;
    } else {
      emit(in.substr(i, 1));
      state = kText;
    }
  }
  return out;
}

// Feeds a scanner. Each view is a heap block of its own, freed at once, so
// that a sanitizer sees what reads behind it or too late.
class ScanFeeder {
 public:
  explicit ScanFeeder(BareNewlines mode) : scanner_(mode) {}

  void Feed(absl::string_view bytes) {
    rest_.append(bytes.data(), bytes.size());
    while (!out_.end) {
      const std::vector<char> block(rest_.begin(), rest_.end());
      const BodyScanner::Result result =
          scanner_.Scan(absl::string_view(block.data(), block.size()));
      for (absl::string_view slice : result.slices) {
        ASSERT_FALSE(slice.empty());
        out_.content.append(slice.data(), slice.size());
      }
      out_.end = result.end;
      consumed_ += result.consumed;
      rest_.erase(0, result.consumed);
      if (result.consumed == 0) break;
    }
    ASSERT_TRUE(out_.end || rest_.size() < 3) << "no progress";
  }

  ScanOutcome outcome() const {
    ScanOutcome out = out_;
    if (out.end) out.consumed = consumed_;
    if (scanner_.defect()) {
      out.newline = scanner_.defect()->newline;
      out.line = scanner_.defect()->line;
    }
    EXPECT_EQ(scanner_.size(), out.content.size());
    return out;
  }

 private:
  BodyScanner scanner_;
  std::string rest_;
  size_t consumed_ = 0;
  ScanOutcome out_;
};

// Returns `content` as a client sends it, with dots and end: RFC 5321 4.5.2.
inline std::string StuffDots(absl::string_view content) {
  std::string out;
  bool line_start = true;
  for (char c : content) {
    if (line_start && c == '.') out += '.';
    out += c;
    line_start = c == '\n';
  }
  return out + ".\r\n";
}

}  // namespace postern

#endif  // POSTERN_ENGINE_BODY_SCANNER_REFERENCE_H_
