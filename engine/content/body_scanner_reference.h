// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// For tests: a simple second implementation of BodyScanner.

#ifndef POSTERN_ENGINE_CONTENT_BODY_SCANNER_REFERENCE_H_
#define POSTERN_ENGINE_CONTENT_BODY_SCANNER_REFERENCE_H_

#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "engine/content/body_scanner.h"
#include "engine/content/scan_path.h"
#include "gtest/gtest.h"

namespace postern {

// The result of scanning a stream of content, however it is split.
struct ScanOutcome {
  std::string content;
  bool end = false;
  size_t consumed = 0;  // only if `end`
  char newline = 0;     // of the defect; 0: none
  uint64_t line = 0;

  friend bool operator==(const ScanOutcome&, const ScanOutcome&) = default;
  friend std::ostream& operator<<(std::ostream& out, const ScanOutcome& o) {
    return out << testing::PrintToString(o.content) << " end " << o.end
               << " consumed " << o.consumed << " defect " << int{o.newline}
               << " in line " << o.line;
  }
};

// The automaton in the comment of BodyScanner, one octet at a time.
class ReferenceScanner {
 public:
  ReferenceScanner(BareNewlines mode, Framing framing)
      : mode_(mode), framing_(framing) {}

  // Takes one more octet. Appends what becomes content to `content`, which must
  // have a push_back(char).
  template <typename Content>
  void Next(char c, Content* content) {
    if (end_) return;
    ++consumed_;
    const State before = state_;
    if (before == State::kDotCr && c == '\n') {
      end_ = true;
      return;
    }
    if (before == State::kCr && c == '\n') {
      if (framing_ == Framing::kDotted) Emit('\r', content);
      Emit('\n', content);
      ++line_;
      state_ = State::kLine;
      return;
    }
    if (before == State::kCr || before == State::kDotCr) Bare('\r', content);
    if (c == '\n') {
      Bare('\n', content);
    } else if (c == '\r') {
      state_ = before == State::kDot ? State::kDotCr : State::kCr;
      if (framing_ == Framing::kCounted) Emit('\r', content);
    } else if (c == '.' && before == State::kLine &&
               framing_ == Framing::kDotted) {
      state_ = State::kDot;
    } else {
      Emit(c, content);
      state_ = State::kText;
    }
  }

  // Ends the content, under Framing::kCounted.
  template <typename Content>
  void Finish(Content* content) {
    if (state_ == State::kCr) Bare('\r', content);
  }

  bool end() const { return end_; }
  size_t consumed() const { return consumed_; }  // up to the end
  char newline() const { return newline_; }      // of the defect; 0: none
  uint64_t line() const { return newline_ == 0 ? 0 : defect_line_; }

 private:
  enum class State : uint8_t { kLine, kText, kCr, kDot, kDotCr };

  template <typename Content>
  void Emit(char c, Content* content) {
    if (newline_ == 0) content->push_back(c);
  }

  template <typename Content>
  void Bare(char newline, Content* content) {
    state_ = State::kText;
    if (mode_ == BareNewlines::kNormalize) {
      // In BDAT, the CR is already content.
      if (newline == '\n' || framing_ == Framing::kDotted) Emit('\r', content);
      Emit('\n', content);
    } else if (newline_ == 0) {
      newline_ = newline;
      defect_line_ = line_;
    }
    ++line_;
  }

  BareNewlines mode_;
  Framing framing_;
  State state_ = State::kLine;
  bool end_ = false;
  char newline_ = 0;
  size_t consumed_ = 0;
  uint64_t line_ = 1;
  uint64_t defect_line_ = 0;
};

// Scans all of `in`, which under Framing::kCounted is the complete content.
inline ScanOutcome ReferenceScan(absl::string_view in, BareNewlines mode,
                                 Framing framing = Framing::kDotted) {
  ReferenceScanner scanner(mode, framing);
  ScanOutcome out;
  for (char c : in) scanner.Next(c, &out.content);
  if (framing == Framing::kCounted) scanner.Finish(&out.content);
  out.end = scanner.end();
  if (out.end) out.consumed = scanner.consumed();
  out.newline = scanner.newline();
  out.line = scanner.line();
  return out;
}

// Passes input to a scanner. Each view is a separate heap block that is freed
// at once, so that a sanitizer finds reads beyond it or after its lifetime.
class ScanFeeder {
 public:
  explicit ScanFeeder(BareNewlines mode, Framing framing = Framing::kDotted,
                      ScanPath path = ChosenScanPath())
      : framing_(framing), scanner_(mode, framing, path) {}

  void Feed(absl::string_view bytes) {
    fed_ += bytes.size();
    rest_.append(bytes.data(), bytes.size());
    while (!out_.end) {
      const std::vector<char> block(rest_.begin(), rest_.end());
      const BodyScanner::Result result =
          scanner_.Scan(absl::string_view(block.data(), block.size()));
      Take(result);
      out_.end = result.end;
      consumed_ += result.consumed;
      rest_.erase(0, result.consumed);
      if (result.consumed == 0) break;
    }
    const size_t open = framing_ == Framing::kDotted ? 2 : 0;
    ASSERT_TRUE(out_.end || rest_.size() <= open) << "no progress";
  }

  // Returns the result. Call it last.
  ScanOutcome Finish() {
    if (framing_ == Framing::kCounted) Take(scanner_.Finish());
    ScanOutcome out = out_;
    if (out.end) out.consumed = consumed_;
    if (scanner_.defect()) {
      out.newline = scanner_.defect()->newline;
      out.line = scanner_.defect()->line;
    }
    EXPECT_EQ(scanner_.size(), out.content.size());
    // The worst case: octet by octet, with the unconsumed rest each time.
    EXPECT_LE(scanner_.examined(), 8 * fed_);
    return out;
  }

 private:
  void Take(const BodyScanner::Result& result) {
    for (absl::string_view slice : result.slices) {
      ASSERT_FALSE(slice.empty());
      out_.content.append(slice.data(), slice.size());
    }
  }

  Framing framing_;
  BodyScanner scanner_;
  std::string rest_;
  size_t fed_ = 0;
  size_t consumed_ = 0;
  ScanOutcome out_;
};

// The paths that can run on this machine.
inline std::vector<ScanPath> ScanPaths() {
  std::vector<ScanPath> paths;
  for (ScanPath path : {ScanPath::kPortable, ScanPath::kAvx2}) {
    if (CanRun(path)) paths.push_back(path);
  }
  return paths;
}

// Returns `content` as a client sends it, dot-stuffed and with its end: RFC
// 5321 4.5.2.
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

#endif  // POSTERN_ENGINE_CONTENT_BODY_SCANNER_REFERENCE_H_
