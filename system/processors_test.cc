// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "system/processors.h"

#include <sched.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace postern::system {
namespace {

constexpr char kUnified[] =
    "24 1 0:22 / /proc rw,nosuid - proc proc rw\n"
    "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw\n";
constexpr char kSplit[] =
    "30 23 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "31 23 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup "
    "rw,cpu,cpuacct\n";

class ProcessorsTest : public testing::Test {
 protected:
  ProcessorsTest() : root_(absl::StrCat(testing::TempDir(), "/root")) {
    std::filesystem::remove_all(root_);
  }
  ~ProcessorsTest() override { std::filesystem::remove_all(root_); }

  void Write(const std::string& path, const std::string& text) {
    const std::filesystem::path file = root_ + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }

  const std::string root_;
};

TEST_F(ProcessorsTest, TheQuotaIsTheLowestOfTheGroupAndItsParents) {
  using Files = std::vector<std::pair<std::string, std::string>>;
  const std::string v2 = "/sys/fs/cgroup";
  const std::string v1 = "/sys/fs/cgroup/cpu,cpuacct";
  const struct {
    const char* name;
    std::string mounts;
    std::string groups;
    Files files;
    std::optional<double> quota;
  } rows[] = {
      {"no control groups", "", "", {}, std::nullopt},
      {"no limit",
       kUnified,
       "0::/a/b\n",
       {{v2 + "/a/b/cpu.max", "max 100000\n"}},
       std::nullopt},
      {"half of one processor",
       kUnified,
       "0::/a/b\n",
       {{v2 + "/a/b/cpu.max", "50000 100000\n"}},
       0.5},
      {"a limit of the parent",
       kUnified,
       "0::/a/b\n",
       {{v2 + "/a/b/cpu.max", "max 100000\n"},
        {v2 + "/a/cpu.max", "300000 200000\n"}},
       1.5},
      {"the lowest of two limits",
       kUnified,
       "0::/a/b\n",
       {{v2 + "/a/b/cpu.max", "400000 100000\n"},
        {v2 + "/a/cpu.max", "200000 100000\n"}},
       2.0},
      {"a container with its own group at the top",
       kUnified,
       "0::/\n",
       {{v2 + "/cpu.max", "100000 100000\n"}},
       1.0},
      {"a container that sees paths from outside",
       "30 23 0:26 /docker/1 /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
       "0::/docker/1\n",
       {{v2 + "/cpu.max", "200000 100000\n"}},
       2.0},
      {"version 1",
       kSplit,
       "3:memory:/a\n4:cpu,cpuacct:/a\n0::/\n",
       {{v1 + "/a/cpu.cfs_quota_us", "150000\n"},
        {v1 + "/a/cpu.cfs_period_us", "100000\n"}},
       1.5},
      {"version 1 without a limit",
       kSplit,
       "4:cpu,cpuacct:/a\n",
       {{v1 + "/a/cpu.cfs_quota_us", "-1\n"},
        {v1 + "/a/cpu.cfs_period_us", "100000\n"}},
       std::nullopt},
      {"nonsense",
       kUnified,
       "0::/a\n\n::\n",
       {{v2 + "/a/cpu.max", "-5 x\n"}},
       std::nullopt},
      {"the smallest quota",
       kUnified,
       "0::/a\n",
       {{v2 + "/a/cpu.max", "1 1\n"}},
       1.0},
      {"a period of zero",
       kUnified,
       "0::/a\n",
       {{v2 + "/a/cpu.max", "5 0\n"}},
       std::nullopt},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    std::filesystem::remove_all(root_);
    Write("/proc/self/mountinfo", row.mounts);
    Write("/proc/self/cgroup", row.groups);
    for (const auto& [path, text] : row.files) Write(path, text);
    EXPECT_EQ(ProcessorQuota(root_), row.quota);
  }
}

TEST_F(ProcessorsTest, CountsOnlyProcessorsOfTheAffinityMask) {
  cpu_set_t before;
  ASSERT_EQ(sched_getaffinity(0, sizeof(before), &before), 0);
  EXPECT_LE(UsableProcessors(), CPU_COUNT(&before));
  EXPECT_GE(UsableProcessors(), 1);
  int first = 0;
  while (!CPU_ISSET(first, &before)) ++first;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(first, &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
  EXPECT_EQ(UsableProcessors(), 1);
  ASSERT_EQ(sched_setaffinity(0, sizeof(before), &before), 0);
}

}  // namespace
}  // namespace postern::system
