// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/hop_counter.h"

#include <string>

#include "gtest/gtest.h"

namespace postern {
namespace {

int Hops(absl::string_view content, size_t cut) {
  HopCounter counter;
  while (!content.empty()) {
    counter.Add(content.substr(0, cut));
    content.remove_prefix(std::min(cut, content.size()));
  }
  return counter.hops();
}

TEST(HopCounterTest, CountsAsQmailSmtpdDoesWhereverTheContentIsCut) {
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
      {"received\r\n", 1},   // no colon needed
      {"receivedx\r\n", 1},  // qmail looks no further
      {"receive\r\n", 0},
      {"delivere\r\n", 0},
      {"Received", 0},  // could still become anything
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
          << testing::PrintToString(std::string(row.content)) << " by " << cut;
    }
  }
}

}  // namespace
}  // namespace postern
