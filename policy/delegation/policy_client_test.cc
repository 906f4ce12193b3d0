// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/delegation/policy_client.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "policy/delegation/policy_stand_in.h"

namespace postern::policy {
namespace {

using Action = PolicyStandIn::Action;

constexpr absl::string_view kRequest = "request=smtpd_access_policy\n\n";
// No test waits so long unless it fails.
constexpr absl::Duration kPatience = absl::Minutes(1);

// A new directory in /tmp: the path of a Unix socket must be short.
class ShortDirectory {
 public:
  ShortDirectory() { EXPECT_NE(mkdtemp(path_), nullptr); }
  ShortDirectory(const ShortDirectory&) = delete;
  ShortDirectory& operator=(const ShortDirectory&) = delete;
  ~ShortDirectory() {
    unlink(File("socket").c_str());
    rmdir(path_);
  }
  std::string File(absl::string_view name) const {
    return absl::StrCat(path_, "/", name);
  }

 private:
  char path_[20] = "/tmp/policy-XXXXXX";
};

PolicyServer Server(absl::string_view address) {
  const auto servers = ParsePolicyServers(address);
  EXPECT_TRUE(servers.ok()) << servers.status();
  return servers->front();
}

absl::StatusOr<std::string> Ask(PolicyClient& client,
                                absl::Duration timeout = kPatience) {
  return client.Ask(kRequest, system::Deadline(timeout));
}

TEST(PolicyClientTest, KeepsItsConnection) {
  const ShortDirectory folder;
  for (const std::string& path : {std::string(), folder.File("socket")}) {
    PolicyStandIn server(
        [](const std::string&) { return Action{"action=DUNNO\n\n"}; }, path);
    PolicyClient client(Server(server.address()));
    for (int i = 0; i < 10; ++i) {
      const auto answer = Ask(client);
      ASSERT_TRUE(answer.ok()) << answer.status();
      EXPECT_EQ(*answer, "action=DUNNO\n\n");
    }
    EXPECT_EQ(server.connections(), 1);
    EXPECT_EQ(server.requests(),
              std::vector<std::string>(10, std::string(kRequest)));
  }
}

TEST(PolicyClientTest, ReachConnectsForTheNextQuestion) {
  const ShortDirectory folder;
  EXPECT_FALSE(PolicyClient(Server("unix:" + folder.File("socket")))
                   .Reach(system::Deadline(kPatience))
                   .ok());
  PolicyStandIn server(
      [](const std::string&) { return Action{"action=DUNNO\n\n"}; },
      folder.File("socket"));
  PolicyClient client(Server(server.address()));
  const absl::Status reached = client.Reach(system::Deadline(kPatience));
  ASSERT_TRUE(reached.ok()) << reached;
  ASSERT_TRUE(Ask(client).ok());
  EXPECT_EQ(server.connections(), 1);
}

TEST(PolicyClientTest, ThreadsUseOneConnectionEach) {
  PolicyStandIn server([](const std::string& request) {
    return Action{absl::StrCat("action=INFO ", request.substr(0, 1), "\n\n")};
  });
  PolicyClient client(Server(server.address()));
  std::vector<std::thread> threads;
  constexpr int kThreads = 4;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&client, t] {
      for (int i = 0; i < 50; ++i) {
        const auto answer =
            client.Ask(absl::StrCat(t, "=\n\n"), system::Deadline(kPatience));
        ASSERT_TRUE(answer.ok()) << answer.status();
        EXPECT_EQ(*answer, absl::StrCat("action=INFO ", t, "\n\n"));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(server.connections(), kThreads);
}

TEST(PolicyClientTest, AsksOnceMoreIfAKeptConnectionHasEnded) {
  std::atomic<int> requests = 0;
  PolicyStandIn server([&requests](const std::string&) {
    // The second request comes on the kept connection, which the server closes
    // without an answer. It then comes again.
    return ++requests == 2 ? Action{"", /*close=*/true}
                           : Action{"action=DUNNO\n\n"};
  });
  PolicyClient client(Server(server.address()));
  EXPECT_TRUE(Ask(client).ok());
  EXPECT_TRUE(Ask(client).ok());
  EXPECT_EQ(requests, 3);
  EXPECT_EQ(server.connections(), 2);
  // A connection that the server has closed meanwhile.
  server.CloseConnections();
  EXPECT_TRUE(Ask(client).ok());
  EXPECT_EQ(server.connections(), 3);
}

TEST(PolicyClientTest, DoesNotAskAgainOnANewConnection) {
  std::atomic<int> requests = 0;
  PolicyStandIn server([&requests](const std::string&) {
    ++requests;
    return Action{"", /*close=*/true};
  });
  PolicyClient client(Server(server.address()));
  EXPECT_EQ(Ask(client).status().message(), "it closed the connection");
  EXPECT_EQ(requests, 1);
}

TEST(PolicyClientTest, DoesNotAskAgainOnceTheAnswerHasBegun) {
  std::atomic<int> requests = 0;
  PolicyStandIn server([&requests](const std::string&) {
    return ++requests == 1 ? Action{"action=DUNNO\n\n"}
                           : Action{"action=DU", /*close=*/true};
  });
  PolicyClient client(Server(server.address()));
  EXPECT_TRUE(Ask(client).ok());
  EXPECT_EQ(Ask(client).status().message(), "it closed the connection");
  EXPECT_EQ(requests, 2);
}

TEST(PolicyClientTest, AServerThatHangsIsGivenUp) {
  constexpr absl::Duration kShort = absl::Milliseconds(50);
  for (const Action& action :
       {Action{}, Action{"action=DUNNO"}, Action{"action=DUNNO\n"}}) {
    PolicyStandIn server([&action](const std::string&) { return action; });
    PolicyClient client(Server(server.address()));
    for (int i = 1; i <= 2; ++i) {
      const auto answer = Ask(client, kShort);
      EXPECT_TRUE(absl::IsDeadlineExceeded(answer.status())) << answer.status();
      // The connection is not kept: a late answer would be that of the next
      // question.
      EXPECT_EQ(server.connections(), i);
    }
  }
}

TEST(PolicyClientTest, AnAnswerHasALimit) {
  const std::string longest = absl::StrCat(
      "action=", std::string(PolicyClient::kMaxAnswer - 9, 'x'), "\n\n");
  const Action actions[] = {
      {std::string(PolicyClient::kMaxAnswer + 1, 'x')},
      {absl::StrCat("x", longest)},
      {"x=\n", false, /*forever=*/true},
  };
  for (const Action& action : actions) {
    PolicyStandIn server([&action](const std::string&) { return action; });
    PolicyClient client(Server(server.address()));
    EXPECT_EQ(Ask(client).status().message(), "its answer is too long");
  }
  PolicyStandIn server(
      [&longest](const std::string&) { return Action{longest}; });
  PolicyClient client(Server(server.address()));
  EXPECT_EQ(*Ask(client), longest);
}

TEST(PolicyClientTest, OctetsAfterTheAnswerAreAnError) {
  for (const char* const text :
       {"action=DUNNO\n\naction=DUNNO\n\n", "\nx", "action=DUNNO\n\n\n"}) {
    PolicyStandIn server([text](const std::string&) { return Action{text}; });
    PolicyClient client(Server(server.address()));
    EXPECT_EQ(Ask(client).status().message(), "it sent more than one answer");
  }
}

TEST(PolicyClientTest, AServerThatIsNotThereIsAnError) {
  const ShortDirectory folder;
  std::string address;
  {
    PolicyStandIn server([](const std::string&) { return Action{}; });
    address = server.address();
  }
  PolicyClient tcp(Server(address));
  EXPECT_EQ(Ask(tcp).status().message(), "connect: Connection refused");
  PolicyClient local(Server("unix:" + folder.File("none")));
  EXPECT_EQ(Ask(local).status().message(),
            "connect: No such file or directory");
}

// A server that does not accept: its queue of connections is full.
TEST(PolicyClientTest, AServerThatDoesNotAcceptIsGivenUp) {
  const ShortDirectory folder;
  const std::string path = folder.File("socket");
  const system::Descriptor listener(
      socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  memcpy(address.sun_path, path.c_str(), path.size() + 1);
  ASSERT_EQ(bind(listener.get(), reinterpret_cast<sockaddr*>(&address),
                 sizeof(address)),
            0);
  ASSERT_EQ(listen(listener.get(), 0), 0);
  std::vector<std::unique_ptr<PolicyClient>> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(std::make_unique<PolicyClient>(Server("unix:" + path)));
    EXPECT_TRUE(absl::IsDeadlineExceeded(
        Ask(*clients.back(), absl::Milliseconds(30)).status()));
  }
}

}  // namespace
}  // namespace postern::policy
