// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/content/body_scanner.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/content/body_scanner_reference.h"
#include "engine/content/content_block.h"
#include "engine/content/scan_path.h"
#include "gtest/gtest.h"

namespace postern {
namespace {

constexpr BareNewlines kModes[] = {BareNewlines::kReject,
                                   BareNewlines::kNormalize};

// Splits `in` once at every place, and into octets, on every path.
void ExpectAtEveryCut(absl::string_view in, BareNewlines mode,
                      const ScanOutcome& want,
                      Framing framing = Framing::kDotted) {
  for (ScanPath path : ScanPaths()) {
    for (size_t cut = 0; cut <= in.size(); ++cut) {
      ScanFeeder feeder(mode, framing, path);
      feeder.Feed(in.substr(0, cut));
      feeder.Feed(in.substr(cut));
      ASSERT_EQ(feeder.Finish(), want)
          << testing::PrintToString(std::string(in)) << " split at " << cut;
    }
    ScanFeeder feeder(mode, framing, path);
    for (size_t i = 0; i < in.size(); ++i) feeder.Feed(in.substr(i, 1));
    ASSERT_EQ(feeder.Finish(), want)
        << testing::PrintToString(std::string(in)) << " octet by octet";
  }
}

// RFC 5321 4.1.1.4 and 2.3.8; CVE-2023-51764, -51765, -51766, -51747 and
// CVE-2024-27305 are servers that ended the data on one of these.
TEST(BodyScannerTest, OnlyCrlfDotCrlfEndsTheData) {
  struct Row {
    absl::string_view bytes;  // between "x" and "y"
    char newline;             // the first defect; 0: none
  };
  constexpr Row kRows[] = {
      {"\n.\n", '\n'},
      {"\n.\r\n", '\n'},
      {"\n.\r", '\n'},
      {"\r\n.\n", '\n'},
      {"\r\n.\r", '\r'},
      {"\r.\r", '\r'},
      {"\r.\n", '\r'},
      {"\r.\r\n", '\r'},
      {"\r\r\n.\r\r\n", '\r'},
      {"\r\n.\r\r\n", '\r'},  // Postfix 3.7.11 ended on this one
      {"\r\n\r.\r\n", '\r'},
      {"\r\n.\r\r", '\r'},
      {"\r\n\n.\r\n", '\n'},
      {"\r\n\n.\n", '\n'},
      {"\n\r.\r\n", '\n'},
      {"\n\r.\n\r", '\n'},
      {"\n\n.\n\n", '\n'},
      {"\r\r.\r\r", '\r'},
      {"\r\n.\n\r", '\n'},
      {"\r\n.\n\r\n", '\n'},
      {"\r\n..\r\n", 0},
      {"\r\n. \r\n", 0},
      {"\r\n.\t\r\n", 0},
      {"\r\n .\r\n", 0},
      {"\r\n.x\r\n", 0},
      {{"\r\n.\0\r\n", 6}, 0},
      {{"\r\n\0.\r\n", 6}, 0},
      {{"\r\0\n.\r\n", 6}, '\r'},
      {{"\0\n.\r\n", 5}, '\n'},
      {{"\r\n.\r\0\n", 6}, '\r'},
      {{"\n\0.\n", 4}, '\n'},
      {"\v.\v", 0},
      {"\f.\f", 0},
      {"\r\n.\v", 0},
      {"\x85.\x85", 0},                  // NEL
      {"\xc2\x85.\xc2\x85", 0},          // NEL in UTF-8
      {"\xe2\x80\xa8.\xe2\x80\xa8", 0},  // U+2028
      {"\r\n.\x1a", 0},
      {"\r\n\x08.\r\n", 0},
  };
  for (const Row& row : kRows) {
    std::string in = "x";
    in.append(row.bytes.data(), row.bytes.size());
    in += "y\r\n.\r\n";
    for (BareNewlines mode : kModes) {
      const ScanOutcome want = ReferenceScan(in, mode);
      EXPECT_TRUE(want.end);
      EXPECT_EQ(want.consumed, in.size());
      EXPECT_EQ(want.newline, mode == BareNewlines::kReject ? row.newline : 0);
      ExpectAtEveryCut(in, mode, want);
    }
  }
}

TEST(BodyScannerTest, RemovesDotStuffingAndFindsTheEnd) {
  struct Row {
    absl::string_view in;
    absl::string_view content;
    absl::string_view rest;  // after the end
  };
  constexpr Row kRows[] = {
      {".\r\n", "", ""},  // RFC 5321 4.1.1.4: an empty message
      {".\r\nQUIT\r\n", "", "QUIT\r\n"},
      {"hi\r\n.\r\n", "hi\r\n", ""},
      {"\r\n.\r\n", "\r\n", ""},
      {"..\r\n.\r\n", ".\r\n", ""},  // RFC 5321 4.5.2
      {"...\r\n.\r\n", "..\r\n", ""},
      {".a\r\n.\r\n", "a\r\n", ""},
      {"a.\r\n.\r\n", "a.\r\n", ""},
      {"a\r\n..b\r\n.\r\n.\r\n", "a\r\n.b\r\n", ".\r\n"},
      {{"\0\x80\xff\r\n.\r\n", 8}, {"\0\x80\xff\r\n", 5}, ""},
  };
  for (const Row& row : kRows) {
    ScanOutcome want;
    want.content = std::string(row.content);
    want.end = true;
    want.consumed = row.in.size() - row.rest.size();
    for (BareNewlines mode : kModes) ExpectAtEveryCut(row.in, mode, want);
  }
}

TEST(BodyScannerTest, ReportsTheLineOfTheFirstDefect) {
  struct Row {
    absl::string_view in;
    char newline;
    uint64_t line;
  };
  constexpr Row kRows[] = {
      {"\n", '\n', 1},        {"a\nb\n", '\n', 1},
      {"a\r\nb\nc", '\n', 2}, {"a\r\n\r\nb\rc\nd", '\r', 3},
      {"\r\n\r\rx", '\r', 2}, {"a\r\n.\nb", '\n', 2},
      {"a\r\n.\rb", '\r', 2},
  };
  for (const Row& row : kRows) {
    for (Framing framing : {Framing::kDotted, Framing::kCounted}) {
      // Few lines, and more than are counted at once.
      for (size_t before : {0, 1, 99, 100, 99999, 100000}) {
        const std::string line = before % 2 == 0 ? "\r\n" : "x\r\n";
        std::string in;
        for (size_t i = 0; i < before; ++i) in += line;
        in.append(row.in.data(), row.in.size());
        for (ScanPath path : ScanPaths()) {
          ScanFeeder feeder(BareNewlines::kReject, framing, path);
          feeder.Feed(in);
          const ScanOutcome outcome = feeder.Finish();
          EXPECT_EQ(outcome.newline, row.newline);
          EXPECT_EQ(outcome.line, before + row.line);
        }
      }
    }
  }
}

// RFC 3030 2: the length determines the end of the content.
TEST(BodyScannerTest, ReturnsCountedContentUnchanged) {
  struct Row {
    absl::string_view in;
    absl::string_view rejected;  // the content up to the defect
    char newline;
    uint64_t line;
    absl::string_view normalized;
  };
  const Row kRows[] = {
      {"", "", 0, 0, ""},
      {".\r\n", ".\r\n", 0, 0, ".\r\n"},
      {"a\r\n.\r\nb\r\n", "a\r\n.\r\nb\r\n", 0, 0, "a\r\n.\r\nb\r\n"},
      {"..\r\n", "..\r\n", 0, 0, "..\r\n"},
      {"no newline", "no newline", 0, 0, "no newline"},
      {"a\r", "a\r", '\r', 1, "a\r\n"},  // bare only at the end
      {"a\r\nb\rc", "a\r\nb\r", '\r', 2, "a\r\nb\r\nc"},
      {"a\r\nb\nc", "a\r\nb", '\n', 2, "a\r\nb\r\nc"},
      {"\r\r\n", "\r", '\r', 1, "\r\n\r\n"},
      {"\r\n\n.\r\n", "\r\n", '\n', 2, "\r\n\r\n.\r\n"},
      {{"\0\x80\xff", 3}, {"\0\x80\xff", 3}, 0, 0, {"\0\x80\xff", 3}},
  };
  for (const Row& row : kRows) {
    ScanOutcome want;
    want.content = std::string(row.normalized);
    ExpectAtEveryCut(row.in, BareNewlines::kNormalize, want, Framing::kCounted);
    want.content = std::string(row.rejected);
    want.newline = row.newline;
    want.line = row.line;
    ExpectAtEveryCut(row.in, BareNewlines::kReject, want, Framing::kCounted);
  }
}

TEST(BodyScannerTest, RemovesDotStuffing) {
  constexpr absl::string_view kContents[] = {
      "",         "\r\n", ".\r\n", "..\r\n", ".\r\n.\r\n", "a\r\n.b\r\nc.\r\n",
      "...a\r\n",
  };
  for (absl::string_view content : kContents) {
    ScanFeeder feeder(BareNewlines::kReject);
    feeder.Feed(StuffDots(content));
    EXPECT_TRUE(feeder.Finish().end);
    EXPECT_EQ(feeder.Finish().content, content);
  }
}

// Patterns that are difficult: a search that starts again, a full list of
// slices, a copy that ends inside a block.
constexpr absl::string_view kHardPatterns[] = {
    "\r",
    "\n",
    ".",
    "x",
    "\r\n",
    "\n\r",
    "x\n",
    "x\r",
    "x\r\n",
    "\r.",
    "\n.",
    "\r\n.x",
    "\r\n..",
    "..\r\n",
    ".x\r\n\n\r\r",
    "\r\n.\rx",
    "\r\n.\n",
    "xxxxxx\n",
    "xxxxxxx\r",
    "\r\n.xxxxxxx",
    "xx\n..\r\n",
    "\r\r\n\n",
    "\r\n.\r\r",
    "\n\n\n\r\n..",
    "x\r\n.\rx\r\n..",
};

std::string Repeated(absl::string_view pattern, size_t size) {
  std::string in;
  while (in.size() < size) in.append(pattern.data(), pattern.size());
  return in;
}

TEST(BodyScannerTest, MatchesTheReferenceForLongInput) {
  for (absl::string_view pattern : kHardPatterns) {
    const std::string in = Repeated(pattern, 5000) + "x\r\n.\r\n";
    for (Framing framing : {Framing::kDotted, Framing::kCounted}) {
      for (BareNewlines mode : kModes) {
        const ScanOutcome want = ReferenceScan(in, mode, framing);
        for (ScanPath path : ScanPaths()) {
          for (size_t cut : {1, 2, 3, 63, 64, 65, 200, 1000, 6000}) {
            ScanFeeder feeder(mode, framing, path);
            absl::string_view rest = in;
            while (!rest.empty()) {
              feeder.Feed(rest.substr(0, cut));
              rest.remove_prefix(std::min(cut, rest.size()));
            }
            ASSERT_EQ(feeder.Finish(), want)
                << testing::PrintToString(std::string(pattern))
                << " in pieces of " << cut;
          }
        }
      }
    }
  }
}

// New input is added to the unconsumed rest, which is examined again.
// A scan stops when the next block could need more slices than there are.
TEST(BodyScannerTest, SlicesAreLimited) {
  for (size_t first = 0; first < 30; ++first) {
    for (size_t blocks : {1, 12, 13, 50}) {
      // Each bare LF ends a slice and adds one.
      std::string in;
      std::string want;
      for (size_t i = 0; i < blocks; ++i) {
        std::string block(ContentBlock::kSize, 'x');
        for (const size_t at : {first, first + 30}) block[at] = '\n';
        in += block;
        block.insert(first + 30, "\r");
        block.insert(first, "\r");
        want += block;
      }
      for (ScanPath path : ScanPaths()) {
        ScanFeeder feeder(BareNewlines::kNormalize, Framing::kDotted, path);
        feeder.Feed(absl::StrCat(in, "\r\n.\r\n"));
        EXPECT_EQ(feeder.Finish().content, want + "\r\n");
      }
    }
  }
}

TEST(BodyScannerTest, CostIsLinearInTheInput) {
  constexpr size_t kSize = size_t{64} << 10;
  for (absl::string_view pattern : kHardPatterns) {
    const std::string in = Repeated(pattern, kSize);
    for (Framing framing : {Framing::kDotted, Framing::kCounted}) {
      for (BareNewlines mode : kModes) {
        for (ScanPath path : ScanPaths()) {
          for (size_t cut : {size_t{1}, size_t{2}, size_t{3}, size_t{64},
                             size_t{1000}, kSize + 64}) {
            BodyScanner scanner(mode, framing, path);
            size_t calls = 0;
            size_t consumed = 0;
            for (size_t seen = 0; seen < in.size();) {
              seen = std::min(seen + cut, in.size());
              while (true) {
                ++calls;
                const BodyScanner::Result result = scanner.Scan(
                    absl::string_view(in).substr(consumed, seen - consumed));
                ASSERT_FALSE(result.end);
                if (result.consumed == 0) break;
                consumed += result.consumed;
              }
            }
            EXPECT_GE(consumed + 2, in.size());
            const size_t price = cut >= 64 ? 3 : 8;
            EXPECT_LE(scanner.examined(), price * in.size())
                << testing::PrintToString(std::string(pattern))
                << " in pieces of " << cut;
            EXPECT_LE(calls, 2 * (in.size() / cut + in.size() / 300 + 2));
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace postern
