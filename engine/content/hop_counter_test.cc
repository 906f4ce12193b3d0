// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/content/hop_counter.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "engine/content/scan_path.h"
#include "gtest/gtest.h"

namespace postern {
namespace {

constexpr ScanPath kPaths[] = {ScanPath::kPortable, ScanPath::kAvx2};

int Hops(absl::string_view content, size_t cut,
         ScanPath path = ScanPath::kPortable) {
  HopCounter counter(path);
  while (!content.empty()) {
    // A separate heap block, so that a sanitizer finds reads beyond it.
    const std::vector<char> piece(
        content.begin(), content.begin() + std::min(cut, content.size()));
    counter.Add(absl::string_view(piece.data(), piece.size()));
    content.remove_prefix(std::min(cut, content.size()));
  }
  return counter.hops();
}

TEST(HopCounterTest, CountsAsQmailSmtpdDoesHoweverTheContentIsSplit) {
  struct Row {
    absl::string_view content;
    int hops;
  };
  constexpr Row kRows[] = {
      {"", 0},
      {"Received: a\r\n", 1},
      {"received: a\r\nRECEIVED: b\r\n", 2},
      {"Delivered-To: a\r\n", 1},
      {"DELIVERED-foo\r\n", 1},
      {"received\r\n", 1},   // no colon is needed
      {"receivedx\r\n", 1},  // qmail does not check more
      {"receive\r\n", 0},
      {"delivere\r\n", 0},
      {"Received", 0},  // the line is incomplete
      {"Received:", 1},
      {" Received: folded\r\n", 0},
      {"X-Received: a\r\n", 0},
      {"Subject: Received: a\r\n", 0},
      {"a\r\nReceived: b\r\nc\r\nDelivered-To: d\r\n", 2},
      {"Received: a\r\n\r\nReceived: body\r\n", 1},  // the header has ended
      {"\r\nReceived: body\r\n", 0},
      {"a\r\n\r\n\r\nReceived: body\r\n", 0},
      {"rec\r\neived: a\r\n", 0},
      {{"Rec\0ived: a\r\n", 13}, 0},
  };
  for (const Row& row : kRows) {
    for (size_t cut = 1; cut <= row.content.size() + 1; ++cut) {
      EXPECT_EQ(Hops(row.content, cut), row.hops)
          << testing::PrintToString(std::string(row.content))
          << " in pieces of " << cut;
    }
  }
}

// The definition in the comment of HopCounter, one line at a time.
int PlainHops(absl::string_view content) {
  int hops = 0;
  while (true) {
    const size_t lf = content.find('\n');
    const absl::string_view line = content.substr(0, lf);
    const bool whole = lf != absl::string_view::npos;
    if (whole && (line.empty() || line == "\r")) return hops;
    if ((whole || line.size() >= 9) &&
        (absl::StartsWithIgnoreCase(line, "received") ||
         absl::StartsWithIgnoreCase(line, "delivered"))) {
      ++hops;
    }
    if (!whole) return hops;
    content.remove_prefix(lf + 1);
  }
}

// Lines of every length, so that lines begin at every place in a block, and in
// the part that is searched in whole blocks as well as in the rest.
TEST(HopCounterTest, CountsInLongHeadersHoweverTheyAreSplit) {
  constexpr absl::string_view kLines[] = {
      "received", "ReCeIvEd: x", "delivered", "DELIVERE", "receive",  "r",
      "D",        "-",           "*",         "x",        "xreceived"};
  constexpr absl::string_view kEnds[] = {
      "", "\r\n", "\n", "\r", "receive", "delivere", "delivered"};
  uint32_t random = 1;
  const auto next = [&random](uint32_t below) {
    random = random * 1664525 + 1013904223;
    return (random >> 16) % below;
  };
  for (int i = 0; i < 2000; ++i) {
    std::string content;
    while (content.size() < 100 + next(400)) {
      const absl::string_view line = kLines[next(std::size(kLines))];
      content.append(line.data(), line.size());
      content.append(next(4) == 0 ? next(90) : next(3), ' ');
      content += next(8) == 0 ? "\n" : "\r\n";
    }
    const absl::string_view end = kEnds[next(std::size(kEnds))];
    content.append(end.data(), end.size());
    if (next(2) == 0) content += "received: body\r\n" + content;
    for (ScanPath path : kPaths) {
      if (!CanRun(path)) continue;
      for (size_t cut : {content.size(), size_t{1}, size_t{7}, size_t{150}}) {
        ASSERT_EQ(Hops(content, cut, path), PlainHops(content))
            << testing::PrintToString(content) << " in pieces of " << cut;
      }
    }
  }
}

TEST(HopCounterTest, StopsCountingAtTheMaximum) {
  std::string content;
  for (int i = 0; i < HopCounter::kMaxHops - 1; ++i) content += "received\n";
  EXPECT_EQ(Hops(content, content.size()), HopCounter::kMaxHops - 1);
  content += "received\nreceived\nreceived\n";
  EXPECT_EQ(Hops(content, content.size()), HopCounter::kMaxHops);
}

}  // namespace
}  // namespace postern
