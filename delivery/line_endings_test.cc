// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/line_endings.h"

#include <time.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace postern::delivery {
namespace {

// Converts `text` in pieces of `step` bytes. Each piece is in its own heap
// block, so that AddressSanitizer finds a read past its end.
std::string Convert(absl::string_view text, size_t step, size_t capacity) {
  LineEndings out(capacity);
  std::string result;
  for (size_t at = 0; at < text.size(); at += step) {
    const absl::string_view piece = text.substr(at, step);
    const std::unique_ptr<char[]> copy(new char[piece.size()]);
    memcpy(copy.get(), piece.data(), piece.size());
    absl::string_view slice(copy.get(), piece.size());
    while (!out.Take(&slice)) {
      EXPECT_LE(out.pending().size(), capacity);
      EXPECT_FALSE(out.pending().empty()) << "no progress";
      absl::StrAppend(&result, out.pending());
      out.Clear();
    }
  }
  out.Finish();
  absl::StrAppend(&result, out.pending());
  return result;
}

TEST(LineEndingsTest, CrlfBecomesLfInPiecesOfAnySize) {
  const struct {
    absl::string_view wire;
    absl::string_view disk;
  } cases[] = {
      {"", ""},
      {"\r\n", "\n"},
      {"a\r\nb\r\n", "a\nb\n"},
      {"\r\n\r\n\r\n", "\n\n\n"},
      {"a\rb\r\n", "a\rb\n"},              // a bare CR stays
      {"a\r\r\n", "a\r\n"},                // qmail.md 9, 48
      {"a\nb\r\n", "a\nb\n"},              // a bare LF stays
      {"\r\r\r\n\r", "\r\r\n\r\n"},        // a CR at the end too
      {"a\nb", "a\nb\n"},                  // no line end: RFC 3030
      {"\n\r\n\n\r", "\n\n\n\r\n"},        //
      {"no end", "no end\n"},              //
      {"0123456789\r\n", "0123456789\n"},  // fills the buffer
      {"0123456789", "0123456789\n"},      //
  };
  for (const auto& c : cases) {
    for (size_t capacity : {2, 3, 4, 5, 10, 11, 12, 64}) {
      for (size_t step = 1; step <= c.wire.size() + 1; ++step) {
        EXPECT_EQ(Convert(c.wire, step, capacity), c.disk)
            << "step " << step << " capacity " << capacity;
      }
    }
  }
  EXPECT_EQ(Convert(absl::string_view("a\0\r\n\xff", 5), 2, 4),
            absl::string_view("a\0\n\xff\n", 5));
}

TEST(LineEndingsTest, TakeAsIsKeepsLineEnds) {
  LineEndings out(4);
  absl::string_view text = "a\r\nbc";
  EXPECT_FALSE(out.TakeAsIs(&text));
  EXPECT_EQ(out.pending(), "a\r\nb");
  out.Clear();
  EXPECT_TRUE(out.TakeAsIs(&text));
  EXPECT_EQ(out.pending(), "c");
}

// The limit is so generous that a slow machine meets it; a loop that became
// quadratic does not. Prints what the conversion costs.
TEST(LineEndingsTest, TenMebibytesTakeLessThanASecond) {
  std::string text;
  while (text.size() < 10 << 20) text += std::string(76, 'x') + "\r\n";
  LineEndings out(64 << 10);
  uint64_t total = 0;
  timespec begin{};
  timespec end{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
  for (size_t at = 0; at < text.size(); at += 16 << 10) {
    absl::string_view slice = absl::string_view(text).substr(at, 16 << 10);
    while (!out.Take(&slice)) {
      total += out.pending().size();
      out.Clear();
    }
  }
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
  const double ms =
      (end.tv_sec - begin.tv_sec) * 1e3 + (end.tv_nsec - begin.tv_nsec) / 1e6;
  total += out.pending().size();
  EXPECT_EQ(total, text.size() / 78 * 77);
  RecordProperty("milliseconds", absl::StrCat(ms));
  printf("10 MiB in %.2f ms of CPU\n", ms);
  EXPECT_LT(ms, 1000);
}

}  // namespace
}  // namespace postern::delivery
