// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "net/socket_channel.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <string>

#include "gtest/gtest.h"
#include "net/turn.h"

namespace postern::net {
namespace {

using Kind = Channel::Result::Kind;

// A pair of blocking sockets. The channel must not block on them.
class SocketChannelTest : public testing::Test {
 protected:
  SocketChannelTest() {
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets_.data()), 0);
  }
  ~SocketChannelTest() override {
    close(sockets_[0]);
    ClosePeer();
  }

  void ClosePeer() {
    if (sockets_[1] >= 0) close(sockets_[1]);
    sockets_[1] = -1;
  }

  std::array<int, 2> sockets_ = {-1, -1};
  std::array<char, 8> room_ = {};
  Turn turn_;
};

TEST_F(SocketChannelTest, ReadsTheBytesThatAreAvailable) {
  SocketChannel channel(sockets_[0], &turn_);
  EXPECT_EQ(channel.Read(absl::MakeSpan(room_)).kind, Kind::kWantRead);
  ASSERT_EQ(write(sockets_[1], "hello, you", 10), 10);
  Channel::Result result = channel.Read(absl::MakeSpan(room_));
  EXPECT_EQ(result.kind, Kind::kOk);
  EXPECT_EQ(std::string(room_.data(), result.count), "hello, y");
  result = channel.Read(absl::MakeSpan(room_));
  EXPECT_EQ(std::string(room_.data(), result.count), "ou");
  EXPECT_EQ(channel.Read(absl::MakeSpan(room_)).kind, Kind::kWantRead);
}

TEST_F(SocketChannelTest, ReportsTheEnd) {
  SocketChannel channel(sockets_[0], &turn_);
  ASSERT_EQ(write(sockets_[1], "x", 1), 1);
  ClosePeer();
  EXPECT_EQ(channel.Read(absl::MakeSpan(room_)).kind, Kind::kOk);
  EXPECT_EQ(channel.Read(absl::MakeSpan(room_)).kind, Kind::kEnd);
  EXPECT_EQ(channel.Write("x").kind, Kind::kEnd);  // raises no SIGPIPE
}

TEST_F(SocketChannelTest, WritesUntilThePeerDoesNotRead) {
  SocketChannel channel(sockets_[0], &turn_);
  const std::string bytes(size_t{1} << 16, 'x');
  size_t written = 0;
  Channel::Result result = channel.Write(bytes);
  for (; result.kind == Kind::kOk; result = channel.Write(bytes)) {
    written += result.count;
  }
  EXPECT_EQ(result.kind, Kind::kWantWrite);
  EXPECT_GT(written, 0u);
  std::string read(written, ' ');
  ASSERT_EQ(recv(sockets_[1], read.data(), written, MSG_WAITALL),
            static_cast<ssize_t>(written));
  EXPECT_EQ(channel.Write("x").kind, Kind::kOk);
}

TEST_F(SocketChannelTest, ReadsNothingOnceTheTurnIsOver) {
  SocketChannel channel(sockets_[0], &turn_);
  const std::string bytes(2 * Turn::kUnits, 'x');
  ASSERT_GT(write(sockets_[1], bytes.data(), bytes.size()), 0);
  turn_.Begin(std::chrono::steady_clock::now());
  size_t reads = 0;
  while (channel.Read(absl::MakeSpan(room_).first(1)).kind == Kind::kOk) {
    ++reads;
  }
  EXPECT_TRUE(turn_.over());
  EXPECT_LE(reads, Turn::kUnits);
  EXPECT_EQ(channel.Write("x").kind, Kind::kOk);
  turn_.Begin(std::chrono::steady_clock::now());
  EXPECT_EQ(channel.Read(absl::MakeSpan(room_)).kind, Kind::kOk);
}

}  // namespace
}  // namespace postern::net
