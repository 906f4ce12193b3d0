// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "net/stream_channel.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <string>

#include "gtest/gtest.h"

namespace postern::net {
namespace {

using Kind = Channel::Result::Kind;

TEST(StreamChannelTest, WaitsUntilItsDeadline) {
  int pair[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  DescriptorStream stream(pair[0], pair[0]);
  StreamChannel channel(&stream);
  const auto now = std::chrono::steady_clock::now();
  std::array<char, 8> room;

  channel.set_deadline(now + std::chrono::milliseconds(10));
  EXPECT_EQ(channel.Read(absl::MakeSpan(room)).kind, Kind::kWantRead);
  EXPECT_GE(std::chrono::steady_clock::now(),
            now + std::chrono::milliseconds(10));

  ASSERT_EQ(write(pair[1], "hello", 5), 5);
  channel.set_deadline(now + std::chrono::minutes(1));
  const Channel::Result read = channel.Read(absl::MakeSpan(room));
  EXPECT_EQ(read.kind, Kind::kOk);
  EXPECT_EQ(std::string(room.data(), read.count), "hello");

  channel.set_deadline(now + std::chrono::milliseconds(30));
  const std::string bytes(size_t{1} << 16, 'x');
  Channel::Result written = channel.Write(bytes);
  EXPECT_EQ(written.kind, Kind::kOk);
  while (written.kind == Kind::kOk) written = channel.Write(bytes);
  EXPECT_EQ(written.kind, Kind::kWantWrite);

  close(pair[1]);
  channel.set_deadline(now + std::chrono::minutes(1));
  EXPECT_EQ(channel.Read(absl::MakeSpan(room)).kind, Kind::kEnd);
  EXPECT_EQ(channel.Write("x").kind, Kind::kEnd);
  close(pair[0]);
}

}  // namespace
}  // namespace postern::net
