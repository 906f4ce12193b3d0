// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "rig/server.h"

#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "rig/processes.h"

namespace postern::rig {
namespace {

// Runs statements of Python in which `s` is an smtplib.SMTP. Returns what they
// have printed, and the exit code.
std::string Python(const Server& server, const std::string& statements) {
  const Ended ended = RunCommand(absl::StrCat(
      "python3 -c '\nimport smtplib\n"
      "try:\n s = smtplib.SMTP(\"127.0.0.1\", ",
      server.port(), ", \"client.example\", timeout=10)\n ", statements,
      "\nexcept smtplib.SMTPException as e: print(type(e).__name__, e)\n' "
      "2>&1"));
  return absl::StrCat(ended.printed, "exit ", ended.exit_code);
}

TEST(ServerTest, MessageOfARealClientIsKept) {
  Server server;
  EXPECT_EQ(Python(server,
                   "s.sendmail(\"a@x\", [\"b@y\", \"c@y\"], "
                   "\"Subject: hi\\r\\n\\r\\nbody\\r\\n\"); s.quit()"),
            "exit 0");
  const std::vector<Message> messages = server.WaitForMessages(1);
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(messages[0].from(), "a@x");
  EXPECT_EQ(messages[0].to(), (std::vector<std::string>{"b@y", "c@y"}));
  EXPECT_EQ(messages[0].raw(), "Subject: hi\r\n\r\nbody\r\n");
  EXPECT_EQ(messages[0].session().info->hello_name, "client.example");
  EXPECT_EQ(messages[0].session().extensions, std::set<std::string>{"SIZE"});
  ASSERT_EQ(server.WaitForSessions(1).size(), 1u);
  EXPECT_TRUE(absl::StrContains(messages[0].transcript().Format(),
                                "C: mail FROM:<a@x> size="));
  EXPECT_TRUE(absl::EndsWith(messages[0].transcript().Format(),
                             "S: 221 2.0.0 rig.example\\r\\n\n"));
}

TEST(ServerTest, WaitEndsWithoutAMessage) {
  Server server;
  EXPECT_TRUE(server.WaitForMessages(1, absl::Milliseconds(1)).empty());
}

// Connects to `server` and sends a whole message at once. Returns the replies.
std::string SendMessage(const Server& server, absl::string_view text) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(server.port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(
      connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
      0);
  const std::string octets =
      absl::StrCat("EHLO c\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\nDATA\r\n",
                   text, "\r\n.\r\nQUIT\r\n");
  EXPECT_EQ(send(fd, octets.data(), octets.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(octets.size()));
  std::string replies;
  std::array<char, 4096> bytes;
  ssize_t count = 0;
  while ((count = recv(fd, bytes.data(), bytes.size(), 0)) > 0) {
    replies.append(bytes.data(), static_cast<size_t>(count));
  }
  close(fd);
  return replies;
}

TEST(ServerTest, ServersLeaveNoDescriptorsAndNoThreads) {
  const auto use = [] {
    Server server;
    EXPECT_TRUE(
        absl::EndsWith(SendMessage(server, "hi"), "221 2.0.0 rig.example\r\n"));
    EXPECT_EQ(server.messages().size(), 1u);
  };
  use();  // libraries open descriptors of their own
  const size_t descriptors = CountDescriptors();
  const size_t threads = CountThreads();
  for (int i = 0; i < 1000; ++i) use();
  EXPECT_EQ(CountDescriptors(), descriptors);
  EXPECT_EQ(WaitForThreads(threads), threads);
}

TEST(ServerTest, TwoHundredServersRunAtTheSameTime) {
  rlimit files = {};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &files), 0);
  files.rlim_cur = std::min<rlim_t>(files.rlim_max, 8192);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &files), 0);
  std::vector<std::unique_ptr<Server>> servers;
  for (int i = 0; i < 200; ++i) servers.push_back(std::make_unique<Server>());
  std::vector<std::thread> clients;
  for (int i = 0; i < 200; ++i) {
    clients.emplace_back(
        [&servers, i] { SendMessage(*servers[i], absl::StrCat("for ", i)); });
  }
  for (std::thread& client : clients) client.join();
  for (int i = 0; i < 200; ++i) {
    const auto messages = servers[i]->messages();
    ASSERT_EQ(messages.size(), 1u);
    EXPECT_EQ(messages[0].raw(), absl::StrCat("for ", i, "\r\n"));
  }
}

TEST(ServerTest, ErrorsAreReportedToPrograms) {
  const auto why = [](Options options) {
    return std::string(Server::Make(std::move(options)).status().message());
  };
  EXPECT_EQ(why({}), "");
  EXPECT_TRUE(absl::StrContains(why({.address = "nowhere"}), "nowhere"));
  const Server other;
  EXPECT_TRUE(
      absl::StrContains(why({.address = other.address()}), other.address()));
  EXPECT_TRUE(absl::StrContains(why({.mechanisms = {"GSSAPI"}}), "GSSAPI"));
  EXPECT_TRUE(absl::StrContains(why({.host_name = "a\r\nb"}), "host_name:"));
  EXPECT_TRUE(absl::StrContains(why({.require_tls = true}), "require_tls:"));
  EXPECT_EQ(why({.tls = TlsMode::kFirst, .require_tls = true}), "");
  EXPECT_TRUE(absl::StrContains(
      why({.certificate_names = {""}, .tls = TlsMode::kStartTls}),
      "certificate_names:"));
}

// The machine may be busy: of many starts, the fastest one counts.
TEST(ServerTest, StartTakesLessThanFiveMilliseconds) {
  absl::Duration least = absl::InfiniteDuration();
  for (int i = 0; i < 100; ++i) {
    const absl::Time before = absl::Now();
    Server server;
    least = std::min(least, absl::Now() - before);
  }
  RecordProperty("microseconds",
                 static_cast<int>(absl::ToInt64Microseconds(least)));
  EXPECT_LT(least, absl::Milliseconds(5));
}

TEST(ServerTest, WaitingThreadsSeeTheMessage) {
  Server server;
  std::vector<Message> seen;
  std::thread waiting([&] { seen = server.WaitForMessages(2); });
  SendMessage(server, "1");
  SendMessage(server, "2");
  waiting.join();
  EXPECT_EQ(seen.size(), 2u);
}

// Without the end of the waits, this test would take hours.
TEST(ServerTest, CloseEndsTheWaitsOfOtherThreads) {
  Server server;
  SendMessage(server, "1");
  std::vector<Message> seen;
  std::thread waiting(
      [&] { seen = server.WaitForMessages(2, absl::Hours(24)); });
  server.Close();
  waiting.join();
  EXPECT_EQ(seen.size(), 1u);
  EXPECT_EQ(server.WaitForSessions(2, absl::Hours(24)).size(), 1u);
  EXPECT_FALSE(server.mailbox().Wait([](const auto&) { return false; },
                                     absl::Hours(24)));
}

TEST(ServerTest, EndOfTheServerClosesItsConnections) {
  auto server = std::make_unique<Server>();
  server->On(Quit()).Stall();
  std::thread client([&server = *server] {
    EXPECT_TRUE(absl::EndsWith(SendMessage(server, "hi"), "250 2.0.0 ok\r\n"));
  });
  EXPECT_EQ(server->WaitForMessages(1).size(), 1u);
  server.reset();
  client.join();
}

}  // namespace
}  // namespace postern::rig
