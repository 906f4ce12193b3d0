// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Oracle: replies parse to the same values for all cuts. A parsed reply is
// printable, and prints to a text that parses to it. A reply with any text
// prints as one reply, which prints to the same text.

#include <fuzzer/FuzzedDataProvider.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/string_view.h"
#include "engine/grammar/reply.h"
#include "engine/grammar/reply_reader.h"
#include "gtest/gtest.h"

namespace postern {
namespace {

using Kind = ReplyReader::Result::Kind;

// Returns the replies in `in`, read in pieces of `cut` octets, and the last
// result.
std::pair<std::vector<Reply>, Kind> Read(absl::string_view in, size_t cut,
                                         size_t max_reply) {
  ReplyReader reader(kMaxReplyLine, max_reply);
  std::vector<Reply> replies;
  std::string rest;
  while (true) {
    const std::vector<char> block(rest.begin(), rest.end());
    const auto result =
        reader.Next(absl::string_view(block.data(), block.size()));
    rest.erase(0, result.consumed);
    if (result.kind == Kind::kReply) {
      replies.push_back(reader.reply());
    } else if (result.kind != Kind::kPartial || in.empty()) {
      return {replies, result.kind};
    } else {
      EXPECT_LT(rest.size(), kMaxReplyLine);
      const absl::string_view piece = in.substr(0, cut);
      rest.append(piece.data(), piece.size());
      in.remove_prefix(piece.size());
    }
  }
}

Reply Reprint(const Reply& reply) {
  const std::string wire = FormatReply(reply);
  const auto [replies, end] = Read(wire, wire.size(), wire.size());
  EXPECT_EQ(replies.size(), 1u) << wire;
  EXPECT_EQ(FormatReply(replies.at(0)), wire);
  return replies.at(0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzedDataProvider input(data, size);
  Reply made{input.ConsumeIntegralInRange(200, 599)};
  made.enhanced = {input.ConsumeIntegralInRange<uint8_t>(0, 6),
                   input.ConsumeIntegralInRange<uint16_t>(0, 1001),
                   input.ConsumeIntegralInRange<uint16_t>(0, 1001)};
  const size_t cut = input.ConsumeIntegralInRange<size_t>(1, 70);
  made.text = input.ConsumeRemainingBytesAsString();
  (void)Reprint(made);  // may differ: bytes are replaced, lines cut

  const auto read = Read(made.text, cut, 2000);
  EXPECT_EQ(read, Read(made.text, made.text.size() + 1, 2000));
  for (const Reply& reply : read.first) {
    for (char c : reply.text) {
      EXPECT_TRUE(absl::ascii_isprint(c) || c == '\t' || c == '\n');
    }
    EXPECT_EQ(Reprint(reply), reply);
  }
  return 0;
}

}  // namespace postern
