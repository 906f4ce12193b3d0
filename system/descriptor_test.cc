// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "system/descriptor.h"

#include <fcntl.h>

#include <utility>

#include "gtest/gtest.h"

namespace postern::system {
namespace {

int Open() { return open("/dev/null", O_RDONLY | O_CLOEXEC); }
bool IsOpen(int fd) { return fcntl(fd, F_GETFD) >= 0; }

TEST(DescriptorTest, TheDestructorCloses) {
  int fd = -1;
  {
    const Descriptor descriptor(Open());
    fd = descriptor.get();
    EXPECT_TRUE(descriptor.is_open());
    EXPECT_TRUE(IsOpen(fd));
  }
  EXPECT_FALSE(IsOpen(fd));
}

TEST(DescriptorTest, AMoveClosesTheOldDescriptor) {
  Descriptor from(Open());
  Descriptor to(Open());
  const int moved = from.get();
  const int replaced = to.get();
  to = std::move(from);
  EXPECT_EQ(to.get(), moved);
  EXPECT_TRUE(IsOpen(moved));
  EXPECT_FALSE(IsOpen(replaced));
  EXPECT_FALSE(from.is_open());  // NOLINT(bugprone-use-after-move)
}

TEST(DescriptorTest, SelfAssignmentKeepsTheDescriptorOpen) {
  Descriptor descriptor(Open());
  Descriptor& same = descriptor;
  const int fd = descriptor.get();
  descriptor = std::move(same);
  EXPECT_EQ(descriptor.get(), fd);
  EXPECT_TRUE(IsOpen(fd));
}

TEST(DescriptorTest, DoesNotCloseAReleasedDescriptor) {
  int fd = -1;
  {
    Descriptor descriptor(Open());
    fd = descriptor.Release();
    EXPECT_FALSE(descriptor.is_open());
  }
  EXPECT_TRUE(IsOpen(fd));
  Descriptor again(fd);
  again.Reset();
  EXPECT_FALSE(IsOpen(fd));
  EXPECT_FALSE(again.is_open());
}

}  // namespace
}  // namespace postern::system
