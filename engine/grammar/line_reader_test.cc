// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/grammar/line_reader.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/grammar/strictness.h"
#include "gtest/gtest.h"

namespace postern {
namespace {

constexpr size_t kMaxLine = 8;

// Returns the lines of `in`, passed in pieces of `cut` bytes. "?" is an
// overlong line, and a line that ends in a bare LF has "\n" after it.
std::vector<std::string> Lines(absl::string_view in, size_t cut,
                               Strictness strictness = Strictness::kStrict) {
  LineReader reader;
  std::vector<std::string> lines;
  std::string rest;
  while (true) {
    const std::vector<char> block(rest.begin(), rest.end());
    const LineReader::Result result = reader.Next(
        absl::string_view(block.data(), block.size()), kMaxLine, strictness);
    rest.erase(0, result.consumed);
    switch (result.kind) {
      case LineReader::Result::Kind::kLine:
        lines.emplace_back(result.line);
        continue;
      case LineReader::Result::Kind::kOverlong:
        lines.emplace_back("?");
        continue;
      case LineReader::Result::Kind::kBareLf:
        lines.emplace_back(absl::StrCat(result.line, "\n"));
        continue;
      case LineReader::Result::Kind::kPartial:
        EXPECT_LT(rest.size(), kMaxLine);
        if (in.empty()) return lines;
        break;
    }
    const size_t n = std::min(cut, in.size());
    rest.append(in.data(), n);
    in.remove_prefix(n);
  }
}

TEST(LineReaderTest, OnlyCrlfEndsALineHoweverTheInputIsSplit) {
  struct Row {
    absl::string_view in;
    std::vector<std::string> lines;
  };
  const Row rows[] = {
      {"", {}},
      {"a", {}},
      {"a\r", {}},
      {"a\r\n", {"a"}},
      {"\r\n", {""}},
      {"\r\n\r\na\r\n", {"", "", "a"}},
      {"a\n", {"a\n"}},  // RFC 5321 2.3.8: reported at once
      {"a\nb\r\n", {"a\n", "b"}},
      {"a\rb\r\n", {"a\rb"}},
      {"\n\r\n", {"\n", ""}},
      {"a\r\r\n", {"a\r"}},
      {"a\n\rb\r\n", {"a\n", "\rb"}},
      {{"a\0b\r\n", 5}, {std::string("a\0b", 3)}},
      {"123456\r\n", {"123456"}},  // kMaxLine with its CRLF
      {"1234567\r\n", {"?"}},
      {"1234567\r\nok\r\n", {"?", "ok"}},
      {"123456789abcdef\r\nok\r\n", {"?", "ok"}},
      {"123456789\nabc\r\nok\r\n", {"\n", "abc", "ok"}},
      {"123456789\rabc\r\nok\r\n", {"?", "ok"}},
      {"123456789\r\r\nok\r\n", {"?", "ok"}},
      {"1234567\r\n1234567\r\nok\r\n", {"?", "?", "ok"}},
      {"123456789abcdef", {}},  // not reported before its end
      {"1234567\n", {"1234567\n"}},
      {"12345678\n", {"\n"}},
  };
  for (const Row& row : rows) {
    for (size_t cut = 1; cut <= row.in.size() + 1; ++cut) {
      EXPECT_EQ(Lines(row.in, cut), row.lines)
          << testing::PrintToString(std::string(row.in)) << " in pieces of "
          << cut;
    }
  }
}

TEST(LineReaderTest, LfEndsALineInLenientMode) {
  struct Row {
    absl::string_view in;
    std::vector<std::string> lines;
  };
  const Row rows[] = {
      {"a\n", {"a"}},
      {"a\r\n", {"a"}},
      {"a\nb\r\nc\n", {"a", "b", "c"}},
      {"\n\r\n", {"", ""}},
      {"a\rb\n", {"a\rb"}},  // a bare CR never ends a line
      {"a\r\r\n", {"a\r"}},
      {"1234567\n", {"1234567"}},
      {"12345678\n", {"?"}},
      {"12345678abc\nok\n", {"?", "ok"}},
      {"12345678\rok\r\nok\n", {"?", "ok"}},
  };
  for (const Row& row : rows) {
    for (size_t cut = 1; cut <= row.in.size() + 1; ++cut) {
      EXPECT_EQ(Lines(row.in, cut, Strictness::kLenient), row.lines)
          << testing::PrintToString(std::string(row.in)) << " in pieces of "
          << cut;
    }
  }
}

TEST(LineReaderTest, ConsumesAnOverlongLineAsItArrives) {
  LineReader reader;
  size_t consumed = 0;
  for (int i = 0; i < 100; ++i) {
    const LineReader::Result result = reader.Next("xxxxxxxxxx", kMaxLine);
    EXPECT_EQ(result.kind, LineReader::Result::Kind::kPartial);
    consumed += result.consumed;
  }
  EXPECT_EQ(consumed, 1000u);
}

// For small pieces, and for long incomplete lines.
TEST(LineReaderTest, CostIsLinearInTheInput) {
  constexpr size_t kSize = size_t{64} << 10;
  constexpr absl::string_view kPatterns[] = {
      "x", "\n", "\r", "\n\r", "x\n", "\r\n", "\r\r\n", "xx\r\n\n"};
  for (absl::string_view pattern : kPatterns) {
    std::string in;
    while (in.size() < kSize) in.append(pattern.data(), pattern.size());
    for (size_t max_line : {size_t{4}, size_t{100}, 2 * kSize}) {
      for (size_t cut : {size_t{1}, size_t{3}, size_t{1000}, 2 * kSize}) {
        LineReader reader;
        size_t consumed = 0;
        for (size_t seen = 0; seen < in.size();) {
          seen = std::min(seen + cut, in.size());
          LineReader::Result result;
          do {
            result = reader.Next(
                absl::string_view(in).substr(consumed, seen - consumed),
                max_line);
            consumed += result.consumed;
          } while (result.kind != LineReader::Result::Kind::kPartial);
        }
        // Each byte once, one more before each LF, and one at the end of each
        // piece of an overlong line.
        EXPECT_LE(reader.examined(), 3 * in.size())
            << testing::PrintToString(std::string(pattern)) << " in pieces of "
            << cut << ", lines of " << max_line;
        EXPECT_GE(reader.examined(), in.size());
      }
    }
  }
}

}  // namespace
}  // namespace postern
