// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/body_scanner.h"

#include <algorithm>
#include <string>
#include <vector>

#include "engine/body_scanner_reference.h"
#include "gtest/gtest.h"

namespace postern {
namespace {

constexpr BareNewlines kModes[] = {BareNewlines::kReject,
                                   BareNewlines::kNormalize};

// Returns what differs from `want` in any way of cutting `in` once, or in
// feeding it byte by byte.
void ExpectAtEveryCut(absl::string_view in, BareNewlines mode,
                      const ScanOutcome& want) {
  for (size_t cut = 0; cut <= in.size(); ++cut) {
    ScanFeeder feeder(mode);
    feeder.Feed(in.substr(0, cut));
    feeder.Feed(in.substr(cut));
    ASSERT_EQ(feeder.outcome(), want)
        << testing::PrintToString(std::string(in)) << " cut at " << cut;
  }
  ScanFeeder feeder(mode);
  for (size_t i = 0; i < in.size(); ++i) feeder.Feed(in.substr(i, 1));
  ASSERT_EQ(feeder.outcome(), want)
      << testing::PrintToString(std::string(in)) << " byte by byte";
}

TEST(BodyScannerTest, AgreesWithTheReferenceOnAllShortStrings) {
  constexpr char kSymbols[] = {'\r', '\n', '.', 'x', '\0'};
  constexpr size_t kLongest = 7;
  std::vector<size_t> digits;  // a number to base 5, lowest digit first
  while (digits.size() <= kLongest) {
    std::string in;
    for (size_t digit : digits) in += kSymbols[digit];
    for (BareNewlines mode : kModes) {
      ExpectAtEveryCut(in, mode, ReferenceScan(in, mode));
      if (HasFatalFailure()) return;
    }
    size_t i = 0;
    while (i < digits.size() && ++digits[i] == std::size(kSymbols)) {
      digits[i++] = 0;
    }
    if (i == digits.size()) digits.push_back(0);
  }
}

// RFC 5321 4.1.1.4 and 2.3.8; CVE-2023-51764, -51765, -51766, -51747 and
// CVE-2024-27305 are servers that ended the data on one of these.
TEST(BodyScannerTest, NothingButCrlfDotCrlfEndsTheData) {
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

TEST(BodyScannerTest, TakesDotsOffAndFindsTheEnd) {
  struct Row {
    absl::string_view in;
    absl::string_view content;
    absl::string_view rest;  // behind the end
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

TEST(BodyScannerTest, NamesTheLineOfTheFirstDefect) {
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
    ScanFeeder feeder(BareNewlines::kReject);
    feeder.Feed(row.in);
    EXPECT_EQ(feeder.outcome().newline, row.newline);
    EXPECT_EQ(feeder.outcome().line, row.line);
  }
}

TEST(BodyScannerTest, UndoesDotStuffing) {
  constexpr absl::string_view kContents[] = {
      "",         "\r\n", ".\r\n", "..\r\n", ".\r\n.\r\n", "a\r\n.b\r\nc.\r\n",
      "...a\r\n",
  };
  for (absl::string_view content : kContents) {
    ScanFeeder feeder(BareNewlines::kReject);
    feeder.Feed(StuffDots(content));
    EXPECT_TRUE(feeder.outcome().end);
    EXPECT_EQ(feeder.outcome().content, content);
  }
}

TEST(BodyScannerTest, GoesOnWhenItsListOfSlicesIsFull) {
  std::string in;
  std::string content;
  for (int i = 0; i < 1000; ++i) {
    in += "..\r\n";
    content += ".\r\n";
  }
  ScanFeeder feeder(BareNewlines::kReject);
  feeder.Feed(in + ".\r\n");
  EXPECT_TRUE(feeder.outcome().end);
  EXPECT_EQ(feeder.outcome().content, content);
}

// Searching the rest of the buffer anew at each of these would take terabytes
// of reads, far past the time that Bazel gives a small test.
TEST(BodyScannerTest, CostsNoMoreThanTheBytesItSees) {
  constexpr size_t kSize = size_t{16} << 20;
  constexpr absl::string_view kPatterns[] = {
      "\r", "\n", ".", "x", "\r\n.x", "\r.", "\n\r", "\r\n..", "x\r",
  };
  for (absl::string_view pattern : kPatterns) {
    std::string in;
    while (in.size() < kSize) in.append(pattern.data(), pattern.size());
    for (BareNewlines mode : kModes) {
      BodyScanner scanner(mode);
      absl::string_view rest = in;
      size_t calls = 0;
      while (rest.size() >= 3) {
        const BodyScanner::Result result = scanner.Scan(rest);
        ASSERT_GT(result.consumed, 0u);
        ASSERT_FALSE(result.end);
        rest.remove_prefix(result.consumed);
        ++calls;
      }
      // At worst a slice and a newline for each byte, 61 to a call.
      EXPECT_LE(calls, in.size() / 30);
    }
  }
}

}  // namespace
}  // namespace postern
