// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A test of a program that sends mail, with postern's test rig. The program is
// a shell command here. docs/install.md shows how to build this file outside of
// the source tree.

#include <stdlib.h>

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rig/matchers.h"
#include "rig/server.h"

// The program whose mail is tested. Returns 0 if the mail is sent.
int SendWelcome(const std::string& to, int port) {
  const std::string command =
      "printf 'Subject: Welcome\\r\\n\\r\\nHello.\\r\\n' | curl -s -T - "
      "--mail-from shop@x.example --mail-rcpt " +
      to + " smtp://127.0.0.1:" + std::to_string(port) + "/client.example";
  return system(command.c_str());
}

using namespace postern;
using testing::AllOf, testing::ElementsAre;

TEST(Welcome, IsSentAgainAfterATemporaryRefusal) {
  rig::Server server;
  server.On(rig::Rcpt("you@y.example")).Once().Reply(450, "4.7.1 later");
  EXPECT_NE(SendWelcome("you@y.example", server.port()), 0);
  EXPECT_EQ(SendWelcome("you@y.example", server.port()), 0);
  EXPECT_THAT(server.WaitForMessages(1),
              ElementsAre(AllOf(rig::SentTo("you@y.example"),
                                rig::HasSubject("Welcome"))));
}
