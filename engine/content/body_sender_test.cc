// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/content/body_sender.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace postern {
namespace {

// Writes the output of `sender`, `n` bytes at a time.
std::string Write(BodySender& sender, size_t n = std::string::npos) {
  std::string out;
  while (!sender.Piece().empty()) {
    const std::string piece(sender.Piece().substr(0, n));
    sender.Written(piece.size());
    out += piece;
  }
  return out;
}

TEST(BodySenderTest, SendsEachLendAsAChunk) {
  const std::string bytes("\0\r.\n", 4);
  for (size_t n : {std::string::npos, size_t{1}, size_t{3}}) {
    BodySender sender(BodyCommand::kBdat);
    EXPECT_EQ(Write(sender, n), "");
    EXPECT_TRUE(sender.Lend(bytes));
    EXPECT_EQ(Write(sender, n), absl::StrCat("BDAT 4\r\n", bytes));
    EXPECT_TRUE(sender.Lend(""));
    EXPECT_EQ(Write(sender, n), "");
    EXPECT_TRUE(sender.Lend("."));
    EXPECT_EQ(sender.chunks_open(), 2u);
    EXPECT_TRUE(sender.End());  // while the chunk is not written yet
    EXPECT_FALSE(sender.sent());
    EXPECT_EQ(Write(sender, n), "BDAT 1\r\n.BDAT 0 LAST\r\n");
    EXPECT_TRUE(sender.sent());
    EXPECT_EQ(sender.chunks_open(), 2u);
  }
}

TEST(BodySenderTest, SendsAnEmptyMessageAsOneEmptyChunk) {
  BodySender sender(BodyCommand::kBdat);
  EXPECT_TRUE(sender.End());
  EXPECT_FALSE(sender.sent());
  EXPECT_EQ(Write(sender), "BDAT 0 LAST\r\n");
  EXPECT_TRUE(sender.sent());
}

TEST(BodySenderTest, StuffsDotsInData) {
  BodySender sender(BodyCommand::kData);
  EXPECT_TRUE(sender.Lend(".a"));
  EXPECT_TRUE(sender.End());
  EXPECT_FALSE(sender.sent());
  EXPECT_EQ(Write(sender, 1), "..a\r\n.\r\n");
  EXPECT_TRUE(sender.sent());
  EXPECT_EQ(sender.chunks_open(), 0u);
}

TEST(BodySenderTest, ABareNewlineDoesNotEndData) {
  BodySender sender(BodyCommand::kData);
  EXPECT_FALSE(sender.Lend("a\nb"));
  EXPECT_TRUE(sender.Lend("a\r"));
  EXPECT_EQ(Write(sender), "a");
  EXPECT_FALSE(sender.End());
  EXPECT_EQ(Write(sender), "");
  EXPECT_FALSE(sender.sent());
}

// The pieces point into the lent bytes.
TEST(BodySenderTest, CopiesNoContent) {
  const std::string content = "a\r\n.b\r\n";
  BodySender data(BodyCommand::kData);
  EXPECT_TRUE(data.Lend(content));
  EXPECT_EQ(data.Piece().data(), content.data());
  data.Written(data.Piece().size());
  EXPECT_EQ(data.Piece().data(), content.data() + 3);
  BodySender chunks(BodyCommand::kBdat);
  EXPECT_TRUE(chunks.Lend(content));
  chunks.Written(chunks.Piece().size());
  EXPECT_EQ(chunks.Piece().data(), content.data());
}

}  // namespace
}  // namespace postern
