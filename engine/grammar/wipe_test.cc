// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/grammar/wipe.h"

#include <algorithm>

#include "gtest/gtest.h"

namespace postern {
namespace {

// Whether all memory of `text` is zero.
bool Clean(const std::string& text) {
  return text.empty() && std::all_of(text.data(), text.data() + text.capacity(),
                                     [](char c) { return c == '\0'; });
}

TEST(WipeTest, WipesAllMemoryOfAText) {
  for (const size_t size : {0, 1, 15, 16, 1000}) {
    std::string text(size, 'x');
    Wipe(&text);
    EXPECT_TRUE(Clean(text)) << size;
    text.assign(size, 'x');
    text.resize(size / 2);
    Wipe(&text);
    EXPECT_TRUE(Clean(text)) << size;
  }
}

TEST(SecretTest, WipesTheTextItWasMadeFrom) {
  for (const size_t size : {1, 15, 16, 1000}) {
    std::string text(size, 'x');
    Secret secret(std::move(text));
    EXPECT_EQ(secret.text(), std::string(size, 'x'));
    EXPECT_TRUE(Clean(text)) << size;  // NOLINT: moved from
    Secret other(std::move(secret));
    EXPECT_EQ(other.text(), std::string(size, 'x'));
    EXPECT_TRUE(Clean(secret.text())) << size;  // NOLINT: moved from
    secret = std::move(other);
    EXPECT_EQ(secret.text(), std::string(size, 'x'));
    EXPECT_TRUE(Clean(other.text())) << size;  // NOLINT: moved from
  }
}

}  // namespace
}  // namespace postern
