// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/content/dot_stuffer.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "engine/content/body_scanner_reference.h"
#include "engine/content/scan_path.h"
#include "gtest/gtest.h"

namespace postern {
namespace {

constexpr size_t kWhole = std::string::npos;

// The output for a message.
struct Stuffed {
  std::string wire;
  std::vector<std::string> pieces;
  bool taken = true;
};

// Lends `content` in slices of `cut` bytes, each in a heap block that is freed
// as soon as possible, and writes `written` bytes at a time.
Stuffed Stuff(absl::string_view content, size_t cut, size_t written = kWhole,
              ScanPath path = ChosenScanPath()) {
  DotStuffer stuffer(path);
  Stuffed out;
  const auto write = [&] {
    while (!stuffer.Piece().empty()) {
      out.pieces.emplace_back(stuffer.Piece());
      absl::string_view piece = stuffer.Piece();
      while (!piece.empty()) {
        const size_t n = std::min(written, piece.size());
        EXPECT_EQ(stuffer.Piece().size(), piece.size());
        absl::StrAppend(&out.wire, piece.substr(0, n));
        piece.remove_prefix(n);
        stuffer.Written(n);
      }
    }
  };
  while (!content.empty()) {
    const absl::string_view slice = content.substr(0, cut);
    content.remove_prefix(slice.size());
    const std::vector<char> block(slice.begin(), slice.end());
    out.taken = stuffer.Lend(absl::string_view(block.data(), block.size()));
    if (!out.taken) return out;
    write();
  }
  out.taken = stuffer.End();
  write();
  return out;
}

TEST(DotStufferTest, SplitsAtDotsThatBeginLines) {
  struct Row {
    absl::string_view content;
    std::vector<std::string> pieces;
  };
  const Row rows[] = {
      {"", {".\r\n"}},
      {"a\r\n", {"a\r\n", ".\r\n"}},
      {"a", {"a", "\r\n.\r\n"}},
      {"a.b\r\n..\r\n", {"a.b\r\n.", "..\r\n", ".\r\n"}},
      {".", {".", ".", "\r\n.\r\n"}},
      {".\r\n", {".", ".\r\n", ".\r\n"}},
      {"\r\n.\r\n", {"\r\n.", ".\r\n", ".\r\n"}},
      {"\r\n\r\n.", {"\r\n\r\n.", ".", "\r\n.\r\n"}},
      {".a\r\n.b\r\nc\r\n", {".", ".a\r\n.", ".b\r\nc\r\n", ".\r\n"}},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(Stuff(row.content, kWhole).pieces, row.pieces) << row.content;
  }
}

// Returns true if each CR and LF is part of a CRLF.
bool Clean(absl::string_view content) {
  const std::string rest = absl::StrReplaceAll(content, {{"\r\n", ""}});
  return rest.find_first_of("\r\n") == std::string::npos;
}

// All content of up to seven of the relevant bytes. Valid content is the same
// after scanning. For other content, no bare newline and no end is written. RFC
// 5321 2.3.8, 4.1.1.4: lenient servers end the data at LF.LF and similar
// sequences.
TEST(DotStufferTest, TheScannerReturnsTheSameContent) {
  constexpr absl::string_view kBytes = "a.\r\n";
  int taken = 0;
  for (size_t size = 0; size <= 7; ++size) {
    for (size_t i = 0; i < size_t{1} << (2 * size); ++i) {
      std::string content;
      for (size_t k = 0; k < size; ++k) content += kBytes[i >> (2 * k) & 3];
      SCOPED_TRACE(testing::PrintToString(content));
      for (size_t cut : {kWhole, size_t{1}, size_t{2}, size_t{3}}) {
        const Stuffed out = Stuff(content, cut, cut == 2 ? 1 : kWhole);
        ASSERT_EQ(out.taken, Clean(content));
        const ScanOutcome back = ReferenceScan(out.wire, BareNewlines::kReject);
        ASSERT_EQ(back.newline, 0);
        ASSERT_EQ(back.end, out.taken);
        ASSERT_TRUE(Clean(out.wire));
        if (!out.taken) continue;
        ++taken;
        const bool line_end = content.empty() || content.back() == '\n';
        ASSERT_EQ(back.content, content + (line_end ? "" : "\r\n"));
        ASSERT_EQ(back.consumed, out.wire.size());
      }
    }
  }
  EXPECT_GT(taken, 1000);
}

// It examines blocks of 64 octets at once.
TEST(DotStufferTest, BlocksChangeNothing) {
  for (const ScanPath path : {ScanPath::kPortable, ScanPath::kAvx2}) {
    if (!CanRun(path)) continue;
    for (const char* odd : {"\r\n", "\r\n.", "\r\n..\r\n.", "\n", "\n.", "\r",
                            "\r\r\n", "\r\n\n", "."}) {
      for (size_t at = 0; at <= 200; ++at) {
        const std::string content =
            absl::StrCat(std::string(at, 'x'), odd, std::string(150, 'y'));
        SCOPED_TRACE(absl::StrCat(at, testing::PrintToString(odd)));
        const bool dot = at == 0 && *odd == '.';
        const std::string want = absl::StrCat(
            dot ? "." : "", absl::StrReplaceAll(content, {{"\r\n.", "\r\n.."}}),
            "\r\n.\r\n");
        for (const size_t cut : {kWhole, size_t{64}, size_t{65}}) {
          const Stuffed out = Stuff(content, cut, kWhole, path);
          ASSERT_EQ(out.taken, Clean(content));
          if (out.taken) {
            ASSERT_EQ(out.wire, want);
          }
        }
      }
    }
  }
}

// The slices before are written, but nothing of the slice with the defect.
TEST(DotStufferTest, WritesNothingOfASliceWithABareNewline) {
  EXPECT_EQ(Stuff("abc\r\nde\nf", 5).wire, "abc\r\n");
  EXPECT_EQ(Stuff("abc\r\nde\nf", kWhole).wire, "");
  EXPECT_EQ(Stuff("ab\rc", 3).wire, "ab");  // the CR waits for its LF
}

TEST(DotStufferTest, CostIsLinearInTheInput) {
  std::string content;
  while (content.size() < size_t{4} << 20) content += "\r\n";
  const Stuffed out = Stuff(content, kWhole, 2);
  EXPECT_EQ(out.wire, content + ".\r\n");
}

}  // namespace
}  // namespace postern
