// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// SaslBackend with the real saslauthd, which uses an IMAP server of this test.

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>  // NOLINT(build/c++17)
#include <memory>
#include <string>
#include <thread>  // NOLINT(build/c++11)
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "auth/sasl_backend.h"
#include "auth/sasl_test_client.h"
#include "auth/sasl_test_site.h"
#include "gtest/gtest.h"

namespace postern::auth {
namespace {

// An IMAP server on which alice can log in with the password wonderland.
class ImapStandIn {
 public:
  ImapStandIn() : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(
        bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address)),
        0);
    EXPECT_EQ(listen(listener_, 16), 0);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Serve(); });
  }

  ~ImapStandIn() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }

  int port() const { return port_; }
  // The number of attempts to log in.
  int tried() const { return tried_; }

 private:
  void Serve() {
    for (;;) {
      const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (client < 0) return;
      constexpr absl::string_view kGreeting = "* OK ready\r\n";
      (void)!write(client, kGreeting.data(), kGreeting.size());
      std::string said;
      for (char c; !absl::StrContains(said, "\r\n") && read(client, &c, 1) == 1;
           said += c) {
      }
      const bool right =
          absl::StrContains(said, " LOGIN \"alice\" \"wonderland\"\r\n");
      ++tried_;
      const std::string tag = said.substr(0, said.find(' '));
      const std::string reply =
          absl::StrCat(tag, right ? " OK" : " NO", " .\r\n");
      (void)!write(client, reply.data(), reply.size());
      close(client);
    }
  }

  const int listener_;
  int port_ = 0;
  std::atomic<int> tried_ = 0;
  std::thread thread_;
};

class Saslauthd {
 public:
  // Returns when the program listens on the socket `folder`/mux.
  Saslauthd(const std::string& folder, int imap_port) {
    std::vector<std::string> words = {"/usr/sbin/saslauthd",
                                      "-d",
                                      "-n1",
                                      "-arimap",
                                      absl::StrCat("-O127.0.0.1/", imap_port),
                                      absl::StrCat("-m", folder)};
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);

    int pipe_ends[2];
    EXPECT_EQ(pipe2(pipe_ends, O_CLOEXEC), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pipe_ends[1], STDERR_FILENO);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    EXPECT_EQ(posix_spawn(&process_, words.front().c_str(), &actions,
                          &attributes, arguments.data(), environ),
              0);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    close(pipe_ends[1]);
    output_ = pipe_ends[0];
    std::string said;
    for (char c; !absl::StrContains(said, "listening on socket") &&
                 read(output_, &c, 1) == 1;
         said += c) {
    }
    EXPECT_TRUE(absl::StrContains(said, "listening on socket")) << said;
  }

  ~Saslauthd() {
    if (process_ > 0) {
      kill(-process_, SIGKILL);
      waitpid(process_, nullptr, 0);
    }
    close(output_);
  }

 private:
  pid_t process_ = 0;
  int output_ = -1;  // kept open, so that the program can write
};

TEST(SaslauthdTest, YesAndNoDecideAndNoAnswerIsAnOutage) {
  signal(SIGPIPE, SIG_IGN);  // as the programs do
  const SaslTestSite site;
  const std::string mux = site.Path("mux");
  site.Write("postern.conf", absl::StrCat("pwcheck_method: saslauthd\n"
                                          "saslauthd_path: ",
                                          mux, "\nmech_list: plain login\n"));
  std::string reports;
  const auto backend =
      SaslBackend::Open({.config_dir = site.Path(),
                         .host_name = "mx.example.org",
                         .report = [&reports](absl::string_view what) {
                           absl::StrAppend(&reports, what, "\n");
                         }});
  ASSERT_TRUE(backend.ok()) << backend.status();
  ASSERT_EQ((*backend)->mechanisms().size(), 2u);  // those of mech_list

  const auto login = [&](std::string user, std::string password) {
    std::string answers;
    for (const Mechanism& mechanism : (*backend)->mechanisms()) {
      SaslTestClient client(mechanism.name, {user, password});
      const auto exchange = (*backend)->Begin(
          mechanism.name, std::make_shared<const SessionInfo>());
      absl::StrAppend(&answers, Play(exchange.get(), &client), "; ");
    }
    return answers;
  };
  const auto expect_outage = [&](absl::string_view why,
                                 absl::string_view report) {
    EXPECT_EQ(login("alice", "wonderland"), "454 4.7.0; 454 4.7.0; ") << why;
    EXPECT_TRUE(absl::StrContains(reports, report)) << why << reports;
    EXPECT_FALSE(absl::StrContains(reports, "wonderland")) << reports;
    reports.clear();
  };

  expect_outage("never started", "cannot connect to saslauthd");
  const ImapStandIn imap;
  {
    const Saslauthd saslauthd(site.Path(), imap.port());
    const std::string granted = "granted alice@mx.example.org; ";
    EXPECT_EQ(login("alice", "wonderland"), granted + granted);
    EXPECT_EQ(login("alice@mx.example.org", "wonderland"), granted + granted);
    const std::string wrong = "535 5.7.8; 535 5.7.8; ";
    EXPECT_EQ(login("alice", "Wonderland"), wrong);
    EXPECT_EQ(login("nobody", "wonderland"), wrong);
    // saslauthd would ignore the realm, so it must not be asked.
    const int tried = imap.tried();
    EXPECT_EQ(login("alice@elsewhere.example", "wonderland"), wrong);
    EXPECT_EQ(imap.tried(), tried);
    EXPECT_EQ(reports, "");
  }
  expect_outage("killed", "cannot connect to saslauthd");

  std::filesystem::remove(mux);
  const int mute = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  mux.copy(address.sun_path, sizeof(address.sun_path) - 1);
  ASSERT_EQ(bind(mute, reinterpret_cast<sockaddr*>(&address), sizeof(address)),
            0);
  ASSERT_EQ(listen(mute, 16), 0);
  std::thread hangs_up([mute] {
    for (int client; (client = accept(mute, nullptr, nullptr)) >= 0;) {
      char request[1024];
      (void)!read(client, request,
                  sizeof(request));  // otherwise the client's write would fail
      close(client);
    }
  });
  expect_outage("hangs up", "read failed");
  shutdown(mute, SHUT_RDWR);
  hangs_up.join();
  close(mute);
}

}  // namespace
}  // namespace postern::auth
