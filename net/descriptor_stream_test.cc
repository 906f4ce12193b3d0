// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "net/descriptor_stream.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <string>

#include "gtest/gtest.h"

namespace postern::net {
namespace {

using std::chrono::milliseconds;

DescriptorStream::Deadline In(milliseconds time) {
  return std::chrono::steady_clock::now() + time;
}

// Two connected TCP sockets on the loopback interface.
class TcpPair {
 public:
  TcpPair() {
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(bind(listener, generic, sizeof(address)), 0);
    EXPECT_EQ(listen(listener, 1), 0);
    EXPECT_EQ(getsockname(listener, generic, &length), 0);
    client = socket(AF_INET, SOCK_STREAM, 0);
    EXPECT_EQ(connect(client, generic, sizeof(address)), 0);
    server = accept(listener, nullptr, nullptr);
    EXPECT_GE(server, 0);
    close(listener);
  }
  ~TcpPair() {
    close(client);
    close(server);
  }

  int client = -1;
  int server = -1;
};

TEST(DescriptorStreamTest, TurnsNagleOff) {
  TcpPair pair;
  const DescriptorStream stream(pair.server, pair.server);
  int on = 0;
  socklen_t length = sizeof(on);
  ASSERT_EQ(getsockopt(pair.server, IPPROTO_TCP, TCP_NODELAY, &on, &length), 0);
  EXPECT_NE(on, 0);
}

TEST(DescriptorStreamTest, ReadsWritesAndReportsTheEnd) {
  TcpPair pair;
  DescriptorStream stream(pair.server, pair.server);
  size_t count = 0;
  ASSERT_EQ(stream.Write("hello", In(milliseconds(5000)), &count), Io::kOk);
  std::array<char, 16> bytes;
  ASSERT_EQ(recv(pair.client, bytes.data(), bytes.size(), 0), 5);
  ASSERT_EQ(send(pair.client, "abc", 3, 0), 3);
  ASSERT_EQ(stream.Read(absl::MakeSpan(bytes), In(milliseconds(5000)), &count),
            Io::kOk);
  EXPECT_EQ(absl::string_view(bytes.data(), count), "abc");
  shutdown(pair.client, SHUT_WR);
  EXPECT_EQ(stream.Read(absl::MakeSpan(bytes), In(milliseconds(5000)), &count),
            Io::kEnd);
}

TEST(DescriptorStreamTest, GivesUpAtTheDeadline) {
  TcpPair pair;
  DescriptorStream stream(pair.server, pair.server);
  std::array<char, 16> bytes;
  size_t count = 0;
  EXPECT_EQ(stream.Read(absl::MakeSpan(bytes), In(milliseconds(10)), &count),
            Io::kTimeout);
  // The client does not read, so both kernel buffers become full.
  const std::string block(1 << 20, 'x');
  Io io = Io::kOk;
  for (int i = 0; i < 100 && io == Io::kOk; ++i) {
    io = stream.Write(block, In(milliseconds(10)), &count);
  }
  EXPECT_EQ(io, Io::kTimeout);
}

TEST(DescriptorStreamTest, WritesToPipesWithoutBlocking) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  DescriptorStream stream(ends[0], ends[1]);
  const std::string block(1 << 20, 'x');
  Io io = Io::kOk;
  size_t count = 0;
  size_t total = 0;
  for (int i = 0; i < 1000 && io == Io::kOk; ++i) {
    io = stream.Write(block, In(milliseconds(10)), &count);
    if (io == Io::kOk) total += count;
  }
  EXPECT_EQ(io, Io::kTimeout);
  EXPECT_GT(total, 0u);
  close(ends[0]);
  close(ends[1]);
}

TEST(DescriptorStreamTest, TheLastReplyArrivesAlthoughInputIsUnread) {
  TcpPair pair;
  ASSERT_EQ(send(pair.client, "never read", 10, 0), 10);
  {
    DescriptorStream stream(pair.server, pair.server);
    size_t count = 0;
    ASSERT_EQ(stream.Write("421 bye\r\n", In(milliseconds(5000)), &count),
              Io::kOk);
    EXPECT_TRUE(stream.EndOutput());
    std::array<char, 16> unread;
    EXPECT_EQ(stream.Read(absl::MakeSpan(unread), In(milliseconds(50)), &count),
              Io::kOk);
  }
  close(pair.server);
  pair.server = -1;
  std::array<char, 16> bytes;
  EXPECT_EQ(recv(pair.client, bytes.data(), bytes.size(), 0), 9);
  EXPECT_EQ(recv(pair.client, bytes.data(), bytes.size(), 0), 0);
}

TEST(DescriptorStreamTest, BecomeReplacesTheDescriptors) {
  TcpPair pair;
  int in[2];
  int out[2];
  ASSERT_EQ(pipe(in), 0);
  ASSERT_EQ(pipe(out), 0);
  const int output = dup(pair.server);
  DescriptorStream stream(pair.server, output);
  EXPECT_TRUE(stream.ReplaceDescriptors(in[0], out[1]));
  // No descriptor of the connection is left, so the client reads its end.
  const timeval patience = {5, 0};
  setsockopt(pair.client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  std::array<char, 16> bytes;
  EXPECT_EQ(recv(pair.client, bytes.data(), bytes.size(), 0), 0);
  ASSERT_EQ(write(in[1], "hello", 5), 5);
  size_t count = 0;
  EXPECT_EQ(stream.Read(absl::MakeSpan(bytes), In(milliseconds(5000)), &count),
            Io::kOk);
  EXPECT_EQ(count, 5u);
  EXPECT_EQ(stream.Write("220", In(milliseconds(5000)), &count), Io::kOk);
  EXPECT_EQ(read(out[0], bytes.data(), bytes.size()), 3);
  close(in[1]);
  close(out[0]);
  close(output);
}

TEST(DescriptorStreamTest, BecomeRefusesAStreamWithOneDescriptor) {
  TcpPair pair;
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  DescriptorStream stream(pair.server, pair.server);
  EXPECT_FALSE(stream.ReplaceDescriptors(ends[0], ends[1]));
  close(ends[0]);
  close(ends[1]);
}

}  // namespace
}  // namespace postern::net
