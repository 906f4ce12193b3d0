// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "net/connecting_socket.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/un.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "net/listening_socket.h"

namespace postern::net {
namespace {

using State = ConnectingSocket::State;

State Await(ConnectingSocket* socket) {
  State state = socket->Connect();
  while (state == State::kPending) {
    pollfd ready = {socket->socket(), POLLOUT, 0};
    if (poll(&ready, 1, 10000) != 1) break;
    state = socket->Check();
  }
  return state;
}

TEST(ConnectingSocketTest, ConnectsOverTcp) {
  const auto listener = Listen(*ListenAddress::Parse("127.0.0.1:0"), false);
  ASSERT_TRUE(listener.ok()) << listener.status();
  const auto address = BoundAddress(listener->get());
  ConnectingSocket socket(*address->host, address->port);
  EXPECT_EQ(Await(&socket), State::kConnected);
  EXPECT_EQ(socket.Check(), State::kConnected);
  EXPECT_EQ(socket.error(), 0);
  EXPECT_EQ(PlaceOfPeer(socket.socket()), PeerPlace::kThisMachine);
}

TEST(ConnectingSocketTest, ReportsARefusal) {
  uint16_t port = 0;
  {
    const auto listener = Listen(*ListenAddress::Parse("127.0.0.1:0"), false);
    ASSERT_TRUE(listener.ok()) << listener.status();
    port = BoundAddress(listener->get())->port;
  }
  ConnectingSocket socket(*IpAddress::Parse("127.0.0.1"), port);
  EXPECT_EQ(Await(&socket), State::kFailed);
  EXPECT_EQ(socket.error(), ECONNREFUSED);
  EXPECT_EQ(socket.Check(), State::kFailed);
  EXPECT_EQ(PlaceOfPeer(socket.socket()), PeerPlace::kElsewhere);
}

// connect(2) to a Unix socket fails while the server is slow to accept.
TEST(ConnectingSocketTest, AFullBacklogIsNoFailure) {
  std::string directory = "/tmp/connecting.XXXXXX";  // a short path
  ASSERT_NE(mkdtemp(directory.data()), nullptr);
  const std::string path = directory + "/s";
  const system::Descriptor listener(
      ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un name = {};
  name.sun_family = AF_UNIX;
  ASSERT_LT(path.size(), sizeof(name.sun_path));
  path.copy(name.sun_path, path.size());
  ASSERT_EQ(
      bind(listener.get(), reinterpret_cast<sockaddr*>(&name), sizeof(name)),
      0);
  ASSERT_EQ(listen(listener.get(), 0), 0);
  std::vector<ConnectingSocket> sockets;
  State state = State::kConnected;
  for (int i = 0; i < 10 && state == State::kConnected; ++i) {
    state = sockets.emplace_back(path).Connect();
  }
  ASSERT_EQ(state, State::kBusy);
  EXPECT_EQ(sockets.back().error(), EAGAIN);
  EXPECT_EQ(PlaceOfPeer(sockets.front().socket()), PeerPlace::kThisMachine);
  const system::Descriptor accepted(accept(listener.get(), nullptr, nullptr));
  EXPECT_EQ(sockets.back().Connect(), State::kConnected);
  unlink(path.c_str());
  rmdir(directory.c_str());
}

TEST(ConnectingSocketTest, ReportsAMissingPath) {
  ConnectingSocket socket("/nonexistent/socket");
  EXPECT_EQ(socket.Connect(), State::kFailed);
  EXPECT_EQ(socket.error(), ENOENT);
}

}  // namespace
}  // namespace postern::net
