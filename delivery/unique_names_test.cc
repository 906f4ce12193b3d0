// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/unique_names.h"

#include <unistd.h>

#include <set>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace postern::delivery {
namespace {

absl::Time Noon() {
  return absl::FromUnixSeconds(1795262400) + absl::Microseconds(42);
}

TEST(UniqueNamesTest, NamesAreMadeOfTimeProcessCounterRandomAndHost) {
  UniqueNames names("mx.example.org", Noon, [] { return 0xc0ffee; });
  const std::string process = absl::StrCat("1795262400.M42P", getpid());
  EXPECT_EQ(names.Next(),
            absl::StrCat(process, "Q0_0000000000c0ffee.mx.example.org"));
  EXPECT_EQ(names.Next(),
            absl::StrCat(process, "Q1_0000000000c0ffee.mx.example.org"));
}

TEST(UniqueNamesTest, HostCannotLeaveTheDirectoryOrBeginTheFlags) {
  const struct {
    absl::string_view host;
    absl::string_view part;
  } cases[] = {
      {"a/b:c", ".a\\057b\\072c"},
      {"../x", "...\\057x"},
      {"a b\n", ".a_b_"},
  };
  for (const auto& c : cases) {
    UniqueNames names(c.host, Noon, [] { return 1; });
    EXPECT_TRUE(absl::EndsWith(names.Next(), c.part)) << names.Next();
  }
  UniqueNames long_host(std::string(1000, 'h'), Noon, [] { return 1; });
  EXPECT_LT(long_host.Next().size(), 255);
}

TEST(UniqueNamesTest, EmptyHostIsReplacedByAHostName) {
  UniqueNames names("", Noon, [] { return 1; });
  EXPECT_FALSE(absl::EndsWith(names.Next(), "."));
}

TEST(UniqueNamesTest, SystemRandomDiffers) {
  std::set<uint64_t> values;
  for (int i = 0; i < 100; ++i) values.insert(SystemRandom());
  EXPECT_EQ(values.size(), 100);
}

}  // namespace
}  // namespace postern::delivery
