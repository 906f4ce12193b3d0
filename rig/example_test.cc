// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include <stdlib.h>

#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rig/matchers.h"
#include "rig/server.h"

// The program whose mail is tested.
int SendWelcome(const std::string& to, int port) {
  const std::string command =
      "swaks --silent 3 --from shop@x.example --header 'Subject: Welcome' "
      "--to " +
      to + " --server 127.0.0.1:" + std::to_string(port);
  return system(command.c_str());
}

// docs/rig.md and README show what is between the lines.
// ---
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
// ---

// The documents show the test, so that it cannot become wrong there.
TEST(Documents, ShowTheExample) {
  const auto read = [](const char* path) {
    std::ifstream file(path);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  const std::string source = read("rig/example_test.cc");
  const size_t begin = source.find("// ---\n") + 7;
  const std::string example =
      source.substr(begin, source.find("// ---\n", begin) - begin);
  EXPECT_THAT(read("docs/rig.md"), testing::HasSubstr(example));
  // README has the test alone, indented.
  std::istringstream lines(example.substr(example.find("TEST(")));
  std::string indented;
  for (std::string line; std::getline(lines, line);) {
    indented += "    " + line + "\n";
  }
  EXPECT_THAT(read("README.md"), testing::HasSubstr(indented));
}
