// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Scans all short strings, on every path of the scanner. The loops do not
// allocate, because there are half a billion scans.

#include <array>
#include <string>
#include <tuple>
#include <vector>

#include "absl/base/config.h"
#include "absl/strings/string_view.h"
#include "engine/content/body_scanner.h"
#include "engine/content/body_scanner_reference.h"
#include "engine/content/content_block.h"
#include "engine/content/scan_path.h"
#include "gtest/gtest.h"

namespace postern {
namespace {

constexpr char kSymbols[] = {'\r', '\n', '.', 'x', '\0'};

#if defined(ABSL_HAVE_ADDRESS_SANITIZER) || defined(ABSL_HAVE_THREAD_SANITIZER)
constexpr size_t kLongest = 8;
constexpr size_t kLongestAcross = 4;
#else
constexpr size_t kLongest = 10;
constexpr size_t kLongestAcross = 5;
#endif
constexpr size_t kLongestCounted = kLongest - 2;

// Content of a few octets.
class Text {
 public:
  void push_back(char c) { octets_[size_++] = c; }
  size_t size() const { return size_; }
  absl::string_view substr(size_t from, size_t n) const {
    return absl::string_view(octets_.data(), size_).substr(from, n);
  }

 private:
  size_t size_ = 0;
  std::array<char, 320> octets_;
};

// A scanner, and how much of its input it has consumed.
struct Progress {
  BodyScanner scanner;
  size_t consumed = 0;
  bool end = false;
};

// Scans the rest of `in`. Returns whether the slices equal the next part of
// `content`.
bool ScanRest(absl::string_view in, const Text& content, Progress* progress) {
  while (!progress->end) {
    size_t size = progress->scanner.size();
    const BodyScanner::Result result =
        progress->scanner.Scan(in.substr(progress->consumed));
    for (absl::string_view slice : result.slices) {
      if (slice.empty() || content.substr(size, slice.size()) != slice) {
        return false;
      }
      size += slice.size();
    }
    if (size != progress->scanner.size()) return false;
    progress->consumed += result.consumed;
    progress->end = result.end;
    if (result.consumed == 0 || progress->consumed == in.size()) break;
  }
  return true;
}

// Returns whether `progress`, at the end of `in`, has the same state as `want`.
bool Agrees(absl::string_view in, Framing framing, const Progress& progress,
            const ReferenceScanner& want, const Text& content) {
  const auto& defect = progress.scanner.defect();
  const size_t left = in.size() - progress.consumed;
  return progress.end == want.end() &&
         (want.end() ? progress.consumed == want.consumed()
                     : left <= (framing == Framing::kDotted ? 2 : 0)) &&
         progress.scanner.size() == content.size() &&
         (defect ? defect->newline : 0) == want.newline() &&
         (defect ? defect->line : 0) == want.line();
}

using Choice = std::tuple<ScanPath, BareNewlines>;

class BodyScannerExhaustiveTest : public testing::TestWithParam<Choice> {
 protected:
  void SetUp() override {
    if (!CanRun(path())) GTEST_SKIP() << "not on this machine";
  }
  ScanPath path() const { return std::get<0>(GetParam()); }
  BareNewlines mode() const { return std::get<1>(GetParam()); }
};

// Visits all strings as a tree. Each is scanned whole, split once at every
// place, and octet by octet. The results for its prefixes come from the nodes
// above.
class Walk {
 public:
  Walk(ScanPath path, BareNewlines mode, Framing framing, size_t longest)
      : framing_(framing),
        longest_(longest),
        fresh_{BodyScanner(mode, framing, path)},
        want_(longest + 1, ReferenceScanner(mode, framing)),
        content_(longest + 1),
        whole_(longest + 1, fresh_),
        octets_(longest + 1, fresh_) {}

  // Returns the first string with a wrong result, or "".
  std::string Run() {
    if (Visit(0)) return {};
    return testing::PrintToString(std::string(in_.data(), failed_)) + ", " +
           how_;
  }

 private:
  bool Visit(size_t size) {
    if (size > 0 && !Check(size)) {
      failed_ = size;
      return false;
    }
    if (size == longest_) return true;
    for (char c : kSymbols) {
      in_[size] = c;
      want_[size + 1] = want_[size];
      content_[size + 1] = content_[size];
      want_[size + 1].Next(c, &content_[size + 1]);
      if (!Visit(size + 1)) return false;
    }
    return true;
  }

  bool Check(size_t size) {
    how_ = "whole";
    whole_[size] = fresh_;
    if (!Same(size, &whole_[size])) return false;
    how_ = "octet by octet";
    octets_[size] = octets_[size - 1];
    if (!Same(size, &octets_[size])) return false;
    how_ = "split once";
    for (size_t cut = 1; cut < size; ++cut) {
      cut_ = whole_[cut];
      if (!Same(size, &cut_)) return false;
    }
    if (framing_ == Framing::kDotted) return true;
    how_ = "finished";
    cut_ = whole_[size];
    return Finished(size, &cut_);
  }

  bool Same(size_t size, Progress* progress) const {
    const absl::string_view in(in_.data(), size);
    return ScanRest(in, content_[size], progress) &&
           Agrees(in, framing_, *progress, want_[size], content_[size]);
  }

  bool Finished(size_t size, Progress* progress) const {
    ReferenceScanner want = want_[size];
    Text content = content_[size];
    want.Finish(&content);
    for (absl::string_view slice : progress->scanner.Finish().slices) {
      if (content.substr(content_[size].size(), 9) != slice) return false;
    }
    return Agrees({in_.data(), size}, framing_, *progress, want, content) &&
           progress->scanner.Finish().slices.empty();
  }

  const Framing framing_;
  const size_t longest_;
  const Progress fresh_;
  std::array<char, kLongest> in_ = {};
  // These four are indexed by the length of the prefix.
  std::vector<ReferenceScanner> want_;
  std::vector<Text> content_;
  std::vector<Progress> whole_;
  std::vector<Progress> octets_;
  Progress cut_;
  const char* how_ = "";
  size_t failed_ = 0;
};

TEST_P(BodyScannerExhaustiveTest, EveryShortStringInData) {
  EXPECT_EQ(Walk(path(), mode(), Framing::kDotted, kLongest).Run(), "");
}

TEST_P(BodyScannerExhaustiveTest, EveryShortStringInBdat) {
  EXPECT_EQ(Walk(path(), mode(), Framing::kCounted, kLongestCounted).Run(), "");
}

// A string inside a whole block, at its edges and in its middle, and in the
// rest after whole blocks. The octets around it make the block plain, or full
// of newlines.
TEST_P(BodyScannerExhaustiveTest, EveryShortStringAtEveryPlaceInABlock) {
  constexpr size_t kBlock = ContentBlock::kSize;
  std::array<char, 2 * kBlock + kLongestAcross> in;
  size_t strings = 1;
  for (size_t i = 0; i < kLongestAcross; ++i) strings *= std::size(kSymbols);
  for (Framing framing : {Framing::kDotted, Framing::kCounted}) {
    for (char filler : {'x', '\n'}) {
      const Progress fresh{BodyScanner(mode(), framing, path())};
      Progress progress;
      for (size_t number = 0; number < strings; ++number) {
        for (size_t place = kBlock - kLongestAcross; place <= 2 * kBlock;
             ++place) {
          in.fill(filler);
          for (size_t i = 0, left = number; i < kLongestAcross; ++i) {
            in[place + i] = kSymbols[left % std::size(kSymbols)];
            left /= std::size(kSymbols);
          }
          const absl::string_view whole(in.data(), in.size());
          Text content;
          ReferenceScanner want(mode(), framing);
          for (char c : in) want.Next(c, &content);
          progress = fresh;
          ASSERT_TRUE(ScanRest(whole, content, &progress) &&
                      Agrees(whole, framing, progress, want, content))
              << testing::PrintToString(
                     std::string(whole.substr(place, kLongestAcross)))
              << " at " << place;
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Each, BodyScannerExhaustiveTest,
    testing::Combine(testing::Values(ScanPath::kPortable, ScanPath::kAvx2),
                     testing::Values(BareNewlines::kReject,
                                     BareNewlines::kNormalize)),
    [](const testing::TestParamInfo<Choice>& info) {
      return std::string(std::get<0>(info.param) == ScanPath::kAvx2
                             ? "Avx2"
                             : "Portable") +
             (std::get<1>(info.param) == BareNewlines::kReject ? "Reject"
                                                               : "Normalize");
    });

}  // namespace
}  // namespace postern
