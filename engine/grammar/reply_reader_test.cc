// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/grammar/reply_reader.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace postern {

void PrintTo(const Reply& reply, std::ostream* out) {
  *out << reply.code << " " << int{reply.enhanced.class_} << "."
       << reply.enhanced.subject << "." << reply.enhanced.detail << " "
       << testing::PrintToString(reply.text);
}

namespace {

using Kind = ReplyReader::Result::Kind;

constexpr size_t kMaxLine = 32;
constexpr size_t kMaxReply = 80;

struct Outcome {
  std::vector<Reply> replies;
  Kind end = Kind::kPartial;

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

void PrintTo(const Outcome& outcome, std::ostream* out) {
  *out << testing::PrintToString(outcome.replies) << " end "
       << static_cast<int>(outcome.end);
}

// Reads all of `in`, passed in pieces of `cut` bytes, each in a separate heap
// block.
Outcome Read(absl::string_view in, size_t cut) {
  ReplyReader reader(kMaxLine, kMaxReply);
  Outcome outcome;
  std::string rest;
  while (true) {
    const std::vector<char> block(rest.begin(), rest.end());
    const ReplyReader::Result result =
        reader.Next(absl::string_view(block.data(), block.size()));
    rest.erase(0, result.consumed);
    if (result.kind == Kind::kReply) {
      outcome.replies.push_back(reader.reply());
      continue;
    }
    outcome.end = result.kind;
    if (result.kind != Kind::kPartial || in.empty()) return outcome;
    EXPECT_LT(rest.size(), kMaxLine);
    const size_t n = std::min(cut, in.size());
    rest.append(in.data(), n);
    in.remove_prefix(n);
  }
}

struct Row {
  absl::string_view in;
  std::vector<Reply> replies;
  Kind end = Kind::kPartial;
};

void Check(const Row& row) {
  for (size_t cut = 1; cut <= row.in.size() + 1; ++cut) {
    EXPECT_EQ(Read(row.in, cut), (Outcome{row.replies, row.end}))
        << testing::PrintToString(std::string(row.in)) << " in pieces of "
        << cut;
  }
}

TEST(ReplyReaderTest, ReadsRepliesHoweverTheInputIsSplit) {
  const Row rows[] = {
      {"", {}},
      {"250 o", {}},
      {"250 ok\r\n", {{250, {}, "ok"}}},
      {"250\r\n", {{250, {}, ""}}},  // RFC 5321 4.2: the text may be missing
      {"250 \r\n", {{250, {}, ""}}},
      {"599 x\r\n200 y\r\n", {{599, {}, "x"}, {200, {}, "y"}}},
      {"250-mx\r\n250 SIZE 1\r\n", {{250, {}, "mx\nSIZE 1"}}},
      {"250-\r\n250-a\r\n250\r\n", {{250, {}, "\na\n"}}},
      {"250-a\r\n", {}},
      {"250-a\r\n250-b\r\n250 c\r\n221 d\r\n",
       {{250, {}, "a\nb\nc"}, {221, {}, "d"}}},
      {"250   a  b \r\n", {{250, {}, "  a  b "}}},
      {{"250 a\0b\x80\x7f\tc\r\n", 13}, {{250, {}, "a?b??\tc"}}},
  };
  for (const Row& row : rows) Check(row);
}

TEST(ReplyReaderTest, RemovesAnEnhancedCodeThatEachLineHas) {
  const Row rows[] = {
      {"250 2.1.5 ok\r\n", {{250, {2, 1, 5}, "ok"}}},
      {"550 5.123.999 x\r\n", {{550, {5, 123, 999}, "x"}}},
      {"250 2.0.0 \r\n", {{250, {2, 0, 0}, ""}}},
      {"550-5.7.1 a\r\n550 5.7.1 b\r\n", {{550, {5, 7, 1}, "a\nb"}}},
      {"250 2.1.0 2.1.0 x\r\n", {{250, {2, 1, 0}, "2.1.0 x"}}},
      // Not as in RFC 2034 4, so it is text, and prints as it was received.
      {"550-5.7.1 a\r\n550 b\r\n", {{550, {}, "5.7.1 a\nb"}}},
      {"550-5.7.1 a\r\n550 5.7.2 b\r\n", {{550, {}, "5.7.1 a\n5.7.2 b"}}},
      {"550-a\r\n550 5.7.1 b\r\n", {{550, {}, "a\n5.7.1 b"}}},
      {"250 2.0.0\r\n", {{250, {}, "2.0.0"}}},
      {"250-2.0.0\r\n250 x\r\n", {{250, {}, "2.0.0\nx"}}},
      {"550 4.7.1 x\r\n", {{550, {}, "4.7.1 x"}}},  // the classes contradict
      {"354 3.0.0 x\r\n", {{354, {}, "3.0.0 x"}}},
      {"250 2.00.1 x\r\n", {{250, {}, "2.00.1 x"}}},  // RFC 3463 2
      {"250 2.1000.1 x\r\n", {{250, {}, "2.1000.1 x"}}},
      {"250 2..1 x\r\n", {{250, {}, "2..1 x"}}},
      {"250 2.1.5ok\r\n", {{250, {}, "2.1.5ok"}}},
      {"250 02.1.5 ok\r\n", {{250, {}, "02.1.5 ok"}}},
  };
  for (const Row& row : rows) Check(row);
}

TEST(ReplyReaderTest, StopsAtMalformedReplies) {
  const std::vector<Reply> one = {{250, {}, "a"}};
  const Row rows[] = {
      {"\r\n", {}, Kind::kMalformed},
      {"25\r\n", {}, Kind::kMalformed},
      {"hello\r\n", {}, Kind::kMalformed},
      {"199 x\r\n", {}, Kind::kMalformed},
      {"600 x\r\n", {}, Kind::kMalformed},
      {"2500 x\r\n", {}, Kind::kMalformed},
      {"25x y\r\n", {}, Kind::kMalformed},
      {" 250 x\r\n", {}, Kind::kMalformed},
      {"250\tx\r\n", {}, Kind::kMalformed},
      {"250_x\r\n", {}, Kind::kMalformed},
      {"250 a\r\n250-b\r\n251 c\r\n", one, Kind::kMalformed},
      {"250-a\r\n\r\n", {}, Kind::kMalformed},
      {"250-a\r\n.\r\n", {}, Kind::kMalformed},
      // RFC 5321 2.3.8: one line here, two lines for a lenient reader.
      {"250 a\n250 b\r\n", {}, Kind::kMalformed},
      {"250 a\r250 b\r\n", {}, Kind::kMalformed},
      {"250 a\r\r\n", {}, Kind::kMalformed},
      {"250 a\n", {}, Kind::kMalformed},  // does not wait for more
  };
  for (const Row& row : rows) Check(row);
}

TEST(ReplyReaderTest, LimitsLinesAndReplies) {
  const std::string line = absl::StrCat("250-", std::string(14, 'x'), "\r\n");
  ASSERT_EQ(line.size() * 4, kMaxReply);
  const std::string full = line + line + line + "250 " + line.substr(4);
  const std::string longest = absl::StrCat("250 ", std::string(26, 'x'));
  ASSERT_EQ(longest.size() + 2, kMaxLine);
  const Reply x{250, {}, std::string(26, 'x')};
  const std::string text(14, 'x');
  const Reply reply{
      250, {}, absl::StrCat(text, "\n", text, "\n", text, "\n", text)};
  Check({full, {reply}});
  Check({full + full, {reply, reply}});
  Check({line + line + line + line, {}});
  Check({line + line + line + "250-" + line, {}, Kind::kTooLarge});
  Check({line + line + line + line + "250\r\n", {}, Kind::kTooLarge});
  Check({longest + "\r\n", {x}});
  Check({longest + "x\r\n", {}, Kind::kTooLarge});
  Check({longest + "xx", {}, Kind::kTooLarge});  // reported before its end
  Check({std::string(200, 'x') + "\n", {}, Kind::kTooLarge});
}

// A well-formed reply is read as it was printed.
TEST(ReplyReaderTest, ReadsWhatFormatReplyPrints) {
  const Reply replies[] = {
      {250, {2, 1, 5}, "ok"},          {550, {5, 7, 1}, "one\ntwo\n"},
      {220, {}, "mx ESMTP\n"},         {354, {}, ""},
      {451, {4, 0, 0}, "\n\n4.0.0 x"},
  };
  for (const Reply& reply : replies) {
    const std::string wire = FormatReply(reply);
    EXPECT_EQ(Read(wire, wire.size()), (Outcome{{reply}})) << wire;
  }
}

}  // namespace
}  // namespace postern
