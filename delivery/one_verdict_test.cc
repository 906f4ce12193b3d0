// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/one_verdict.h"

#include <cstdint>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace postern::delivery {
namespace {

TEST(OneVerdictTest, IsTrueForEachRecipient) {
  const auto verdict = [](int code) {
    const Reply reply{
        code, {static_cast<uint8_t>(code / 100), 0, 0}, std::to_string(code)};
    return (code < 300 ? Verdict::Accept(reply) : Verdict::Refuse(reply))
        .By("fake")
        .From(std::to_string(code));
  };
  const struct {
    std::vector<int> codes;
    int code;
    const char* text;
    const char* source;
  } cases[] = {
      {{250}, 250, "250", "250"},
      {{251, 250, 251}, 251, "251", "251, 250"},
      {{550, 554}, 550, "550", "550"},
      {{250, 452, 550, 451}, 452, "452", "452"},
      {{550, 452}, 452, "452", "452"},
      {{250, 554, 550},
       451,
       "only some recipients have the message: 554 5.0.0 554 (#4.5.0)",
       "554"},
  };
  for (const auto& c : cases) {
    std::vector<Verdict> verdicts;
    for (const int code : c.codes) verdicts.push_back(verdict(code));
    const Verdict one = OneVerdict(verdicts);
    EXPECT_EQ(one.reply()->code, c.code);
    EXPECT_EQ(one.reply()->text, c.text);
    EXPECT_EQ(one.source(), c.source);
    EXPECT_EQ(one.rule(), "fake");
  }
}

TEST(OneVerdictTest, QuotesTheFirstLine) {
  EXPECT_EQ(Quote({550, {5, 1, 1}, "one\ntwo"}), "550-5.1.1 one");
  EXPECT_EQ(Quote({550, {5, 1, 1}, std::string(1000, 'x')}).size(), kMaxQuoted);
}

}  // namespace
}  // namespace postern::delivery
