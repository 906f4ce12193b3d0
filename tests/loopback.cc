// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "tests/loopback.h"

#include "engine/grammar/parameters.h"
#include "gtest/gtest.h"
#include "tests/loopback_client.h"
#include "tests/loopback_server.h"
#include "tests/loopback_wire.h"

namespace postern {
namespace {

class Run {
 public:
  Run(const Loopback& loopback, const Chooser& choose)
      : loopback_(loopback),
        client_(loopback, choose),
        server_(loopback, choose),
        to_client_(choose),
        to_server_(choose) {}

  size_t Go() {
    while (!client_.closed() || !server_.closed()) {
      Move();
      const bool client = !client_.closed() && client_.Run(to_client_);
      const bool server = !server_.closed() && server_.Run(to_server_);
      if (testing::Test::HasFailure()) return 0;
      Meddle();
      ShakeHands();
      HangUp();
      if (moved_ || client || server) {
        still_ = 0;
      } else if (++still_ > 3) {
        ADD_FAILURE() << "client and server wait for each other";
        return 0;
      }
    }
    CheckClose();
    return server_.messages().size();
  }

 private:
  // Moves bytes in both directions.
  void Move() {
    const size_t up = to_server_.Write(client_.session().Output());
    client_.session().OutputWritten(up);
    const size_t down = to_client_.Write(server_.session().Output());
    server_.session().OutputWritten(down);
    const bool read = to_server_.Read();
    const bool heard = to_client_.Read();
    moved_ = up > 0 || down > 0 || read || heard;
  }

  void Meddle() {
    if (meddled_) return;
    const Meddler meddler = loopback_.meddler;
    if (meddler == Meddler::kToServer && server_.awaits_tls()) {
      to_server_.Write("NOOP\r\n");
      meddled_ = true;
    } else if (meddler == Meddler::kToClient && client_.shakes_hands()) {
      to_client_.Write("250 SIZE\r\n");
      meddled_ = true;
    }
  }

  void ShakeHands() {
    if (!client_.shakes_hands() || !server_.shakes_hands() || meddled_) return;
    EXPECT_TRUE(to_client_.empty());
    EXPECT_TRUE(to_server_.empty());
    EXPECT_EQ(client_.session().Output(), "");
    EXPECT_EQ(server_.session().Output(), "");
    client_.TlsStarted();
    server_.TlsStarted();
    moved_ = true;
  }

  void HangUp() {
    if (client_.closed() && to_server_.drained()) {
      server_.session().EndOfInput();
    }
    if (server_.closed() && to_client_.drained() &&
        server_.session().Output().empty()) {
      client_.session().EndOfInput();
    }
  }

  // Checks that both sides closed for matching reasons.
  void CheckClose() const {
    const CloseReason server = *server_.closed();
    const ClientClose client = *client_.closed();
    client_.CheckStored(server_.messages());
    switch (client) {
      case ClientClose::kQuit:
        EXPECT_EQ(server, CloseReason::kQuit);
        EXPECT_FALSE(client_.gave_bare_newline());
        client_.CheckComplete(server_.messages());
        break;
      case ClientClose::kShutdown:
        if (server == CloseReason::kAbuse) {
          EXPECT_LT(loopback_.server.max_errors, kManyErrors);
        } else {
          EXPECT_EQ(server, CloseReason::kShutdown);
          EXPECT_GT(loopback_.shutdown, 0u);
        }
        break;
      case ClientClose::kContent:
        EXPECT_TRUE(client_.gave_bare_newline());
        break;
      case ClientClose::kAbuse:
        EXPECT_TRUE(meddled_);
        EXPECT_EQ(loopback_.meddler, Meddler::kToClient);
        break;
      case ClientClose::kPeerGone:
        EXPECT_TRUE(meddled_);
        EXPECT_EQ(loopback_.meddler, Meddler::kToServer);
        EXPECT_EQ(server, CloseReason::kAbuse);
        break;
      case ClientClose::kTimeout:
      case ClientClose::kProtocol:
        ADD_FAILURE() << "closed: " << ClientCloseName(client);
        break;
    }
  }

  const Loopback& loopback_;
  LoopbackClient client_;
  LoopbackServer server_;
  LoopbackWire to_client_;
  LoopbackWire to_server_;
  bool moved_ = false;
  bool meddled_ = false;
  int still_ = 0;  // rounds in which nothing happened
};

}  // namespace

size_t RunLoopback(const Loopback& loopback, const Chooser& choose) {
  return Run(loopback, choose).Go();
}

void PrintTo(const LoopbackMessage& message, std::ostream* out) {
  *out << (message.tls ? "TLS " : "") << message.identity << " "
       << FormatPath(message.from) << FormatMailParameters(message.parameters);
  for (const Recipient& to : message.to) {
    *out << " " << FormatPath(to.path) << FormatRcptParameters(to.parameters);
  }
  *out << ": " << testing::PrintToString(message.content);
}

}  // namespace postern
