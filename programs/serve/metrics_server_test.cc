// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/serve/metrics_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "engine/grammar/ip_address.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace postern::programs {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// Returns the whole answer to `request` from a port of 127.0.0.1.
std::string Ask(uint16_t port, absl::string_view request) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to = {};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof(to)), 0);
  EXPECT_EQ(send(fd, request.data(), request.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(request.size()));
  std::string all;
  std::array<char, 65536> bytes;
  for (ssize_t n = 0; (n = recv(fd, bytes.data(), bytes.size(), 0)) > 0;) {
    all.append(bytes.data(), static_cast<size_t>(n));
  }
  close(fd);
  return all;
}

class MetricsServerTest : public testing::Test {
 protected:
  void Start() {
    const auto address = server_.Listen({IpAddress::Parse("127.0.0.1"), 0, ""});
    ASSERT_TRUE(address.ok()) << address.status();
    EXPECT_NE(address->port, 0);
    EXPECT_EQ(address->host, IpAddress::Parse("127.0.0.1"));
    port_ = address->port;
    const absl::Status status = server_.Start();
    ASSERT_TRUE(status.ok()) << status;
  }
  std::string Get(absl::string_view path) {
    return Ask(port_, absl::StrCat("GET ", path, " HTTP/1.1\r\nHost: x\r\n",
                                   "Connection: close\r\n\r\n"));
  }

  std::atomic<int> seconds_{1};  // of the server's clock
  MetricsServer server_{
      [] { return std::string("a 1\n"); },
      [this] {
        return std::chrono::nanoseconds(std::chrono::seconds(seconds_));
      }};
  uint16_t port_ = 0;
};

TEST_F(MetricsServerTest, AnswersMetricsWithItsText) {
  Start();
  const std::string reply = Get("/metrics");
  EXPECT_THAT(reply, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(reply, HasSubstr("\r\nContent-Type: text/plain; version=0.0.4"));
  EXPECT_THAT(reply, EndsWith("\r\n\r\na 1\n"));
}

TEST_F(MetricsServerTest, HealthFollowsTheLastReport) {
  Start();
  EXPECT_THAT(Get("/healthz"), StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(Get("/healthz"), EndsWith("\r\nstuck\n"));
  server_.SayAlive();
  EXPECT_THAT(Get("/healthz"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(Get("/healthz"), EndsWith("\r\nok\n"));
  seconds_ += 10;
  EXPECT_THAT(Get("/healthz"), EndsWith("\r\nok\n"));
  seconds_ += 1;
  EXPECT_THAT(Get("/healthz"), EndsWith("\r\nstuck\n"));
  server_.SayAlive();
  EXPECT_THAT(Get("/healthz"), EndsWith("\r\nok\n"));
  server_.SayStopping();
  server_.SayAlive();
  EXPECT_THAT(Get("/healthz"), StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(Get("/healthz"), EndsWith("\r\nstopping\n"));
}

TEST_F(MetricsServerTest, OtherRequestsAreRefused) {
  Start();
  const struct {
    std::string request;
    absl::string_view begins;
  } cases[] = {
      {"GET /metric HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
       "HTTP/1.1 404 "},
      {"GET /metrics/../healthz HTTP/1.0\r\n\r\n", "HTTP/1.1 404 "},
      {"PUT /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
       "HTTP/1.1 405 "},
      {"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
       "Connection: close\r\n\r\nabc",
       "HTTP/1.1 405 "},
      {"GET /metrics HTTP/1.1\r\nX: " + std::string(100'000, 'x') + "\r\n\r\n",
       "HTTP/1.1 431 "},
      {"EHLO x\r\n\r\n", ""},
  };
  for (const auto& c : cases) {
    EXPECT_THAT(Ask(port_, c.request), StartsWith(std::string(c.begins)))
        << c.request.substr(0, 60);
  }
  EXPECT_THAT(Get("/metrics"), EndsWith("a 1\n"));
}

TEST_F(MetricsServerTest, AddressInUseIsAnError) {
  Start();
  MetricsServer second([] { return std::string(); });
  const auto address =
      second.Listen({IpAddress::Parse("127.0.0.1"), port_, ""});
  EXPECT_FALSE(address.ok());
  EXPECT_THAT(std::string(address.status().message()),
              HasSubstr(absl::StrCat("127.0.0.1:", port_)));
}

}  // namespace
}  // namespace postern::programs
