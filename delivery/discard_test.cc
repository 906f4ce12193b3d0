// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/discard.h"

#include <memory>
#include <utility>
#include <variant>

#include "delivery/open_message.h"
#include "gtest/gtest.h"

namespace postern::delivery {
namespace {

TEST(DiscardTest, AcceptsEverything) {
  Discard discard;
  Opened opened = OpenMessage(discard, {.to = {{{"u", "d"}}}}, {});
  auto* sink = std::get_if<std::unique_ptr<MailTransaction>>(&opened);
  ASSERT_NE(sink, nullptr);
  EXPECT_TRUE((*sink)->Write({"a\r\n"}, [] { FAIL(); }));
  bool accepted = false;
  (*sink)->Commit([&](Verdict verdict) { accepted = verdict.accepted(); });
  EXPECT_TRUE(accepted);
}

}  // namespace
}  // namespace postern::delivery
