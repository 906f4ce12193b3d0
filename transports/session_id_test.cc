// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "transports/session_id.h"

#include <unistd.h>

#include <set>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace postern::transports {
namespace {

TEST(SessionIdTest, HasTheProcessIdAndTenDigitsOfACount) {
  EXPECT_EQ(FormatSessionId(0, 0), "00000000000");
  EXPECT_EQ(FormatSessionId(35, 36), "z0000000010");
  EXPECT_EQ(FormatSessionId(4194304, 1795982400000000),
            "2hwcghomexa2gw0");  // the largest pid, in 2026: 15 digits
}

TEST(SessionIdTest, IsUniqueAmongThreads) {
  constexpr size_t kThreads = 4;
  constexpr size_t kEach = 1000;
  std::vector<std::vector<std::string>> made(kThreads);
  std::vector<std::thread> threads;
  for (std::vector<std::string>& mine : made) {
    threads.emplace_back([&mine] {
      for (size_t i = 0; i < kEach; ++i) mine.push_back(NewSessionId());
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<std::string> all;
  for (const auto& mine : made) all.insert(mine.begin(), mine.end());
  EXPECT_EQ(all.size(), kThreads * kEach);
}

// Processes with equal counts have different process ids.
TEST(SessionIdTest, BeginsWithTheProcessId) {
  const std::string id = NewSessionId();
  const std::string count = id.substr(id.size() - 10);
  EXPECT_EQ(FormatSessionId(static_cast<uint64_t>(getpid()), 0).size(),
            id.size());
  EXPECT_EQ(id, FormatSessionId(static_cast<uint64_t>(getpid()), 0)
                        .substr(0, id.size() - 10) +
                    count);
}

}  // namespace
}  // namespace postern::transports
