// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/serve/serve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "files/test_directory.h"
#include "gtest/gtest.h"
#include "net/test_certificates.h"
#include "net/tls_files.h"
#include "net/tls_test_client.h"
#include "programs/serve/serve_options.h"
#include "system/descriptor.h"
#include "system/pipe.h"

namespace postern::programs {
namespace {

constexpr int kPatience = 30 * 1000;  // milliseconds

// Waits for octets and appends them to `bytes`. Returns false at the end, and
// fails the test if nothing arrives.
bool ReadMore(int descriptor, std::string* bytes) {
  pollfd ready = {descriptor, POLLIN, 0};
  if (poll(&ready, 1, kPatience) != 1) {
    ADD_FAILURE() << "nothing arrives after: " << *bytes;
    return false;
  }
  char buffer[4096];
  const ssize_t count = read(descriptor, buffer, sizeof buffer);
  if (count <= 0) return false;
  bytes->append(buffer, static_cast<size_t>(count));
  return true;
}

// A server in a process of its own.
class RunningServer {
 public:
  RunningServer(std::vector<std::string> arguments, absl::Duration interval) {
    system::Descriptor theirs;
    EXPECT_TRUE(system::MakePipe(&log_, &theirs));
    const pid_t test = getpid();
    process_ = fork();
    if (process_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (getppid() != test || dup2(theirs.get(), STDERR_FILENO) < 0) _exit(1);
      clearenv();
      std::vector<const char*> views;
      for (const std::string& argument : arguments) {
        views.push_back(argument.c_str());
      }
      int exit_code = 0;
      const auto configuration = ServeConfiguration::Read(views, &exit_code);
      _exit(configuration == nullptr ? exit_code
                                     : RunServe(*configuration, interval));
    }
    EXPECT_GT(process_, 0);
  }
  RunningServer(const RunningServer&) = delete;
  RunningServer& operator=(const RunningServer&) = delete;
  ~RunningServer() {
    if (process_ <= 0) return;
    kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
  }

  // Returns what follows `text` in its line of the log.
  std::string AwaitLog(absl::string_view text) {
    while (true) {
      const absl::string_view lines = lines_;
      const size_t at = lines.find(text);
      const size_t end = at == lines.npos ? at : lines.find('\n', at);
      if (end != lines.npos) {
        const size_t begin = at + text.size();
        return std::string(lines.substr(begin, end - begin));
      }
      if (!ReadMore(log_.get(), &lines_)) break;
    }
    ADD_FAILURE() << "the log lacks " << text << ": " << lines_;
    return "";
  }

  // Ends the server. Returns its exit code.
  int Terminate() {
    kill(process_, SIGTERM);
    int status = -1;
    waitpid(std::exchange(process_, 0), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t process_ = -1;
  system::Descriptor log_;
  std::string lines_;
};

// Returns the name of the certificate of a listener with TLS from the first
// octet, or "".
std::string CertificateAt(uint16_t port) {
  const system::Descriptor connection(
      socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(connection.get(), reinterpret_cast<sockaddr*>(&address),
              sizeof address) != 0) {
    ADD_FAILURE() << "connect: " << errno;
    return "";
  }
  net::TestWire wire;
  net::TlsTestClient client({}, &wire);
  while (!client.Handshake()) {
    const std::string ours = std::exchange(wire.to_server, "");
    if (send(connection.get(), ours.data(), ours.size(), MSG_NOSIGNAL) < 0 ||
        !ReadMore(connection.get(), &wire.to_client)) {
      ADD_FAILURE() << "no handshake";
      return "";
    }
  }
  return client.server_name();
}

TEST(ServeTest, ARenewedCertificateIsUsedWithoutASignal) {
  files::TestDirectory folder;
  folder.Write("me", "mx.example.org\n");
  folder.Write("rcpthosts", "local.example\n");
  net::TestCertificates certificates;
  const auto make = [&certificates](const char* name) {
    return certificates.Make(name, {.common_name = name,
                                    .host_names = {"mx.example.org"},
                                    .last_day = 90});
  };
  const net::TlsFiles live = make("first");
  const net::TlsFiles renewed = make("renewed");
  RunningServer server(
      {"--config=none", "--control", folder.path(), "--deliver=discard",
       "--listen=127.0.0.1:0,tls", "--tls-cert", live.chain_file, "--tls-key",
       live.key_file, "--threads=1"},
      absl::Milliseconds(10));
  int port = 0;
  ASSERT_TRUE(
      absl::SimpleAtoi(server.AwaitLog("listening at 127.0.0.1:"), &port));
  EXPECT_EQ(CertificateAt(static_cast<uint16_t>(port)), "first");
  ASSERT_EQ(rename(renewed.key_file.c_str(), live.key_file.c_str()), 0);
  ASSERT_EQ(rename(renewed.chain_file.c_str(), live.chain_file.c_str()), 0);
  server.AwaitLog("certificates reloaded");
  EXPECT_EQ(CertificateAt(static_cast<uint16_t>(port)), "renewed");
  EXPECT_EQ(server.Terminate(), 0);
}

}  // namespace
}  // namespace postern::programs
