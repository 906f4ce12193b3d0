// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "system/pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <optional>
#include <string>

#include "gtest/gtest.h"
#include "system/child_process.h"
#include "system/descriptor.h"

namespace postern::system {
namespace {

class PipeTest : public testing::Test {
 protected:
  PipeTest() {
    EXPECT_TRUE(MakePipe(&read_end_, &write_end_));
    EXPECT_TRUE(SetNonblocking(read_end_));
  }
  void Write(const std::string& text) const {
    EXPECT_EQ(write(write_end_.get(), text.data(), text.size()),
              static_cast<ssize_t>(text.size()));
  }

  Descriptor read_end_;
  Descriptor write_end_;
  std::string output_;
};

TEST_F(PipeTest, EndsAreAboveTheDescriptorsOfAChildAndCloseOnExec) {
  for (const Descriptor* end : {&read_end_, &write_end_}) {
    EXPECT_GE(end->get(), ChildProcess::kDescriptors);
    EXPECT_EQ(fcntl(end->get(), F_GETFD), FD_CLOEXEC);
  }
}

TEST_F(PipeTest, SetNonblockingAffectsOneEnd) {
  char octet;
  EXPECT_EQ(read(read_end_.get(), &octet, 1), -1);
  EXPECT_EQ(errno, EAGAIN);
  EXPECT_EQ(fcntl(write_end_.get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_FALSE(SetNonblocking(Descriptor()));
}

TEST_F(PipeTest, UnreadOctetsAreCounted) {
  EXPECT_EQ(UnreadOctets(read_end_), 0u);
  Write("abc");
  EXPECT_EQ(UnreadOctets(read_end_), 3u);
  EXPECT_EQ(UnreadOctets(Descriptor()), std::nullopt);
}

TEST_F(PipeTest, ReadsWhatIsAvailableUpToTheLimit) {
  ReadAvailable(8, &read_end_, &output_);
  EXPECT_EQ(output_, "");
  Write("abcde");
  ReadAvailable(8, &read_end_, &output_);
  EXPECT_EQ(output_, "abcde");
  Write("fghijk");
  ReadAvailable(8, &read_end_, &output_);
  EXPECT_EQ(output_, "abcdefgh");
  EXPECT_EQ(UnreadOctets(read_end_), 0u);
  EXPECT_TRUE(read_end_.is_open());
  write_end_.Reset();
  ReadAvailable(8, &read_end_, &output_);
  EXPECT_FALSE(read_end_.is_open());
}

// A program that writes without end must not keep this thread busy.
TEST_F(PipeTest, BeyondTheLimitItDiscardsOnlyAPart) {
  Write(std::string(60'000, 'x'));
  ReadAvailable(0, &read_end_, &output_);
  EXPECT_EQ(output_, "");
  const std::optional<size_t> unread = UnreadOctets(read_end_);
  ASSERT_TRUE(unread);
  EXPECT_LT(*unread, 60'000u);
  EXPECT_GT(*unread, 0u);
}

}  // namespace
}  // namespace postern::system
