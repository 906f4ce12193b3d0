// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/discard.h"

#include <memory>
#include <utility>

#include "gtest/gtest.h"

namespace postern::delivery {
namespace {

TEST(DiscardTest, AcceptsEverything) {
  Discard discard;
  Delivery::Opened opened = discard.Open({.to = {{{"u", "d"}}}}, {});
  auto* sink = std::get_if<std::unique_ptr<MessageSink>>(&opened);
  ASSERT_NE(sink, nullptr);
  EXPECT_TRUE((*sink)->Write({"a\r\n"}, [] { FAIL(); }));
  bool accepted = false;
  (*sink)->Commit([&](Verdict verdict) { accepted = verdict.accepted(); });
  EXPECT_TRUE(accepted);
}

}  // namespace
}  // namespace postern::delivery
