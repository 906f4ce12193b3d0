// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Responses that come later, and the end of the server.

#include "programs/rig/http_server.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <memory>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "net/listening_socket.h"
#include "system/descriptor.h"

namespace postern::programs {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(20);

// A server, /wait of which answers when `open` is true.
class HttpServerTest : public testing::Test {
 protected:
  void Start(absl::Duration check_interval) {
    const net::ListenAddress address =
        *net::ListenAddress::Parse("127.0.0.1:0");
    auto server = HttpServer::Make(
        address, HttpGuard(address, {}), /*most_octets=*/1000,
        [this](const HttpRequest& request) { return Handle(request); },
        check_interval);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  HttpResponse Handle(const HttpRequest& request) {
    HttpResponse response;
    response.body = "now";
    if (request.path != "/wait") return response;
    response.deadline = absl::InfiniteFuture();
    response.later = [this, held = held_](bool) -> std::optional<HttpResponse> {
      ++asked_;
      if (!open_) return std::nullopt;
      return HttpError(200, "later");
    };
    return response;
  }

  // Works until `done` is true.
  template <typename Done>
  bool Work(Done done) {
    const absl::Time end = absl::Now() + kPatience;
    while (!done()) {
      if (absl::Now() > end) return false;
      pollfd wait = {server_->descriptor(), POLLIN, 0};
      (void)poll(&wait, 1, 10);
      server_->Work();
    }
    return true;
  }

  // Returns how many clients wait.
  long waiting() const { return held_.use_count() - 1; }

  std::unique_ptr<HttpServer> server_;
  bool open_ = false;
  int asked_ = 0;
  const std::shared_ptr<int> held_ = std::make_shared<int>(0);
};

class Client {
 public:
  explicit Client(const HttpServer& server)
      : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(server.address().port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(socket_.get(), reinterpret_cast<sockaddr*>(&address),
                      sizeof address),
              0);
  }
  void Send(absl::string_view path) {
    const std::string request =
        absl::StrCat("GET ", path, " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_EQ(send(socket_.get(), request.data(), request.size(), 0),
              static_cast<ssize_t>(request.size()));
  }
  bool HasResponse() const {
    pollfd wait = {socket_.get(), POLLIN, 0};
    return poll(&wait, 1, 0) == 1;
  }
  std::string Response() {
    std::string octets(10000, 0);
    const ssize_t count = recv(socket_.get(), octets.data(), octets.size(), 0);
    octets.resize(count < 0 ? 0 : static_cast<size_t>(count));
    return octets;
  }

 private:
  const system::Descriptor socket_;
};

TEST_F(HttpServerTest, AsksWhatWaitsOnlyWhenSomethingHasChanged) {
  Start(absl::Hours(1));
  Client client(*server_);
  client.Send("/wait");
  ASSERT_TRUE(Work([&] { return waiting() == 1; }));
  const int asked = asked_;
  for (int i = 0; i < 10; ++i) {
    Client other(*server_);
    other.Send("/");
    ASSERT_TRUE(Work([&] { return other.HasResponse(); }));
  }
  EXPECT_EQ(asked_, asked);
  open_ = true;
  server_->Wake();
  ASSERT_TRUE(Work([&] { return client.HasResponse(); }));
  EXPECT_NE(client.Response().find("later"), std::string::npos);
}

TEST_F(HttpServerTest, ForgetsClientsThatHaveGone) {
  Start(/*check_interval=*/absl::Milliseconds(1));
  Client stays(*server_);
  stays.Send("/wait");
  auto goes = std::make_unique<Client>(*server_);
  goes->Send("/wait");
  ASSERT_TRUE(Work([&] { return waiting() == 2; }));
  goes.reset();
  ASSERT_TRUE(Work([&] { return waiting() == 1; }));
  EXPECT_FALSE(stays.HasResponse());
}

TEST_F(HttpServerTest, EndsWhileRequestsArrive) {
  Start(absl::Hours(1));
  Client first(*server_);
  first.Send("/wait");
  Client second(*server_);
  second.Send("/");
  ASSERT_TRUE(Work([&] { return waiting() == 1 && second.HasResponse(); }));
  (void)second.Response();
  // The server sees it only when it ends.
  second.Send("/wait");
  server_.reset();
  EXPECT_NE(first.Response().find(" 503 "), std::string::npos);
  EXPECT_EQ(waiting(), 0);
}

}  // namespace
}  // namespace postern::programs
