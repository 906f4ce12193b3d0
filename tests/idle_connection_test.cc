// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Limits the memory of an idle client of postern serve: a Connection with its
// MailSessionHost and a socket. Counts every byte that this program allocates.

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "delivery/discard.h"
#include "engine/grammar/ip_address.h"
#include "engine/session_info.h"
#include "engine/session_times.h"
#include "gtest/gtest.h"
#include "net/event_loop.h"
#include "net/network_list.h"
#include "policy/check.h"
#include "policy/checks.h"
#include "policy/limits/connection_limits.h"
#include "programs/serve/mail_session_host.h"
#include "programs/serve/service_snapshot.h"
#include "tests/heap.h"
#include "transports/connection.h"

namespace postern {
namespace {

using policy::ConnectionLimits;
using transports::Connection;
using transports::ConnectionId;

class AcceptAll : public policy::Check {
 public:
  policy::Opinion Decide(policy::Question*) const override {
    return Verdict::Accept();
  }
};

absl::StatusOr<std::unique_ptr<const policy::Check>> MakeAcceptAll(
    const policy::CheckSetup&) {
  return std::make_unique<AcceptAll>();
}

constexpr policy::CheckEntry kAcceptAll[] = {
    {{.rule = "all", .accepts = true}, MakeAcceptAll}};

std::shared_ptr<const programs::ServiceSnapshot> MakeSnapshot() {
  auto snapshot = std::make_shared<programs::ServiceSnapshot>();
  snapshot->mail.host_name = "mail.example.org";
  auto outlet = std::make_shared<service::MailService::Outlet>();
  outlet->delivery = std::make_shared<delivery::Discard>();
  outlet->policy = *policy::Checks::Make({}, kAcceptAll);
  programs::ServiceSnapshot::Listener& listener =
      snapshot->listeners.emplace_back();
  listener.outlet = std::move(outlet);
  listener.config.greeting = "mail.example.org";
  return snapshot;
}

// A client and the connection that serves it, as in postern serve, but without
// an event loop: Send() runs the server.
class Client : public transports::ConnectionHost {
 public:
  Client(net::EventLoop* loop, const SessionTimes* options)
      : ConnectionHost(loop, options) {
    int pair[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    socket_ = pair[0];
    connection_ = std::make_unique<Connection>(pair[1], ConnectionId{},
                                               /*tls=*/false, this);
  }
  ~Client() override { close(socket_); }

  void Begin(std::shared_ptr<programs::MailSessionHost> host) {
    transports::Admission admission;
    admission.host = std::move(host);
    admission.info.remote_address = IpAddress::Parse("192.0.2.1");
    admission.info.local_address = IpAddress::Parse("198.51.100.1");
    connection_->Begin(std::move(admission));
  }

  // Returns whether the last reply to `bytes` begins with `code`.
  bool Send(absl::string_view bytes, absl::string_view code) {
    (void)!send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    connection_->OnEvents(EPOLLIN);
    while (std::exchange(yielded_, false)) connection_->Continue();
    std::array<char, 4096> room;
    const ssize_t size = recv(socket_, room.data(), room.size(), 0);
    absl::string_view replies(room.data(),
                              static_cast<size_t>(size > 0 ? size : 0));
    const size_t last = replies.substr(0, replies.size() - 2).rfind("\r\n");
    if (last != absl::string_view::npos) replies.remove_prefix(last + 2);
    return absl::StartsWith(replies, code);
  }

 private:
  void Admit(ConnectionId, SessionInfo) override {}
  void Post(ConnectionId, PostedAnswer answer) override {
    connection_->Answer(std::move(answer));
  }
  void Yield(ConnectionId) override { yielded_ = true; }
  bool HoldRefused() override { return false; }
  void ReleaseRefused() override {}
  void OnClosed(ConnectionId) override {}

  int socket_ = -1;
  bool yielded_ = false;
  std::unique_ptr<Connection> connection_;
};

constexpr char kMail[] =
    "MAIL FROM:<sender@client.example>\r\nRCPT TO:<user@example.org>\r\n"
    "DATA\r\n";
constexpr char kContent[] = "Subject: x\r\n\r\nx\r\n.\r\n";

TEST(IdleConnectionTest, IdleConnectionIsSmallInEachState) {
  struct Line {
    absl::string_view sent;
    absl::string_view code;
  };
  const std::string long_command = "NOOP " + std::string(1000, 'x');
  const struct {
    absl::string_view name;
    std::vector<Line> lines;
    size_t held;  // limit in bytes, including sizeof(Client)
  } rows[] = {
      {"greeted", {}, 1792},
      {"after EHLO", {{"EHLO client.example\r\n", "250 "}}, 1792},
      {"after half a command",
       {{"EHLO client.example\r\n", "250 "},
        {"MAIL FROM:<sender@client.example> SIZE=10", ""}},
       1792},
      {"after a command in two halves",
       {{"EHLO client.example\r\n", "250 "},
        {long_command, ""},
        {"\r\n", "250 "}},
       1792},
      {"after a message",
       {{"EHLO client.example\r\n", "250 "},
        {kMail, "354 "},
        {kContent, "250 "}},
       1792},
      {"after two messages",
       {{"EHLO client.example\r\n", "250 "},
        {kMail, "354 "},
        {kContent, "250 "},
        {kMail, "354 "},
        {kContent, "250 "}},
       1792},
      {"within a transaction",
       {{"EHLO client.example\r\n", "250 "},
        {"MAIL FROM:<sender@client.example>\r\n", "250 "}},
       2512},
  };
  const std::shared_ptr<const programs::ServiceSnapshot> snapshot =
      MakeSnapshot();
  net::EventLoop loop;
  const SessionTimes options;
  ConnectionLimits limits({});
  for (const auto& row : rows) {
    // The first run makes the allocations that are made once per process.
    for (const bool counted : {false, true}) {
      SCOPED_TRACE(row.name);
      auto slot = limits.Admit(IpAddress::Parse("192.0.2.1"), 0);
      const size_t before = HeapBytes();
      auto client = std::make_unique<Client>(&loop, &options);
      client->Begin(std::make_shared<programs::MailSessionHost>(
          snapshot, 0, policy::RuleFacts{},
          std::get<ConnectionLimits::Slot>(std::move(slot)),
          /*metrics=*/nullptr, IpAddress::Parse("192.0.2.1"),
          net::NetworkList(), /*lookup=*/nullptr));
      bool served = client->Send("", "220 ");
      for (const Line& line : row.lines) {
        served = client->Send(line.sent, line.code) && served;
      }
      const size_t held = HeapBytes() - before;
      EXPECT_TRUE(served);
      EXPECT_LE(held, counted ? row.held : 2 * row.held);
    }
  }
}

}  // namespace
}  // namespace postern
