// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// How much memory one client of postern serve can hold, whatever it does: in
// the process, and in the kernel for its socket. docs/limits.md has the limit.
//
// The client uses TCP on the loopback interface and reads as little as
// possible. It runs in the same process, so memory is counted only while the
// server works. OpenSSL's memory is included.

#include <linux/sock_diag.h>
#include <malloc.h>
#include <netinet/in.h>
#include <openssl/crypto.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "delivery/discard.h"
#include "delivery/pooled_delivery.h"
#include "engine/authenticator.h"
#include "engine/grammar/ip_address.h"
#include "engine/policy.h"
#include "engine/server_config.h"
#include "engine/session_times.h"
#include "gtest/gtest.h"
#include "net/event_loop.h"
#include "net/listening_socket.h"
#include "net/test_certificates.h"
#include "net/tls_channel.h"
#include "net/tls_context.h"
#include "net/tls_test_client.h"
#include "tests/heap.h"
#include "transports/connection.h"
#include "transports/service.h"

namespace postern {
namespace {

using transports::Connection;
using transports::ConnectionId;

// The limits of docs/limits.md.
constexpr size_t kMaxProcess = size_t{3} << 20;
// The kernel allows twice the requested buffer size, and one more packet.
constexpr size_t kPacket = 128 << 10;
constexpr size_t kMaxSent = 2 * net::kSendBuffer + kPacket;
constexpr size_t kMaxReceived = 2 * net::kReceiveBuffer + kPacket;

// Makes OpenSSL allocate with operator new, so that its memory is counted.
const bool counted = CRYPTO_set_mem_functions(
    [](size_t size, const char*, int) { return operator new(size); },
    [](void* old, size_t size, const char*, int) -> void* {
      if (size == 0) {
        if (old != nullptr) operator delete(old);
        return nullptr;
      }
      void* const grown = operator new(size);
      if (old != nullptr) {
        memcpy(grown, old, std::min(size, malloc_usable_size(old)));
        operator delete(old);
      }
      return grown;
    },
    [](void* old, const char*, int) {
      if (old != nullptr) operator delete(old);
    });

// Accepts everything at once, except AUTH, which gets a challenge.
class Everyone : public Policy, public Authenticator {
 public:
  std::optional<Verdict> Decide(const Ask&, const SharedSessionInfo&,
                                Later) override {
    return Verdict::Accept();
  }
  std::unique_ptr<AuthExchange> Begin(absl::string_view,
                                      const SharedSessionInfo&) override {
    return std::make_unique<Exchange>();
  }

 private:
  class Exchange : public AuthExchange {
    void Start(std::optional<std::string>, Done done) override {
      std::move(done)(AuthChallenge{""});
    }
    void Respond(std::string, Done done) override {
      std::move(done)(Verdict::Refuse({535, {5, 7, 8}, "no"}));
    }
  };
};

// The configuration of all sessions. Tasks for the disk never run.
class Site {
 public:
  Site() {
    config.greeting = "mail.example.org";
    config.mechanisms = {"PLAIN"};
    config.mechanisms_without_tls = {"PLAIN"};
    net::TlsOptions options;
    options.id = "1";
    options.certificates = {
        certificates_.Make("mx", {.common_name = "mail.example.org"})};
    const auto made = net::TlsContext::Make(options);
    EXPECT_TRUE(made.ok()) << made.status();
    if (made.ok()) tls = *made;
  }

  Everyone everyone;
  ServerConfig config;
  std::vector<absl::AnyInvocable<void() &&>> never;
  delivery::PooledDelivery disk{
      std::make_shared<delivery::Discard>(),
      [this](auto task) { never.push_back(std::move(task)); }};
  std::shared_ptr<const net::TlsContext> tls;

 private:
  net::TestCertificates certificates_;
};

class Host : public transports::SessionHost {
 public:
  explicit Host(Site* site) : site_(*site) {}
  const ServerConfig& config() const override { return site_.config; }
  ResponderOptions responder() override {
    ResponderOptions options;
    options.policy = &site_.everyone;
    options.delivery = &site_.disk;
    options.authenticator = &site_.everyone;
    options.stamp = [] { return TraceStamp{absl::UnixEpoch(), "id"}; };
    return options;
  }
  std::unique_ptr<net::SecureChannel> Secure(net::Channel* below) override {
    return std::make_unique<net::TlsChannel>(site_.tls, below);
  }

 private:
  Site& site_;
};

// A client and the connection that serves it. The server works only in Serve().
class Client : public transports::ConnectionHost {
 public:
  Client(Site* site, net::EventLoop* loop, const SessionTimes* options,
         bool tls)
      : ConnectionHost(loop, options) {
    const auto listening =
        net::Listen({IpAddress::Parse("127.0.0.1"), 0, ""}, false);
    EXPECT_TRUE(listening.ok());
    const auto address = net::BoundAddress(listening->get());
    client_ = socket(AF_INET, SOCK_STREAM, 0);
    // A small buffer, so that unread replies stay in the server's buffers.
    const int least = 1;
    setsockopt(client_, SOL_SOCKET, SO_RCVBUF, &least, sizeof(least));
    sockaddr_in to = {};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons(address->port);
    EXPECT_EQ(connect(client_, reinterpret_cast<sockaddr*>(&to), sizeof(to)),
              0);
    server_ = accept4(listening->get(), nullptr, nullptr, SOCK_NONBLOCK);
    EXPECT_GE(server_, 0);

    Count([&] {
      connection_ =
          std::make_unique<Connection>(server_, ConnectionId{}, tls, this);
      transports::Admission admission;
      admission.host = std::make_shared<Host>(site);
      admission.info.remote_address = IpAddress::Parse("192.0.2.1");
      connection_->Begin(std::move(admission));
      Continue();
    });
    if (tls) tls_.emplace(net::TlsTestClient::Options{}, &wire_);
  }
  ~Client() override {
    connection_.reset();
    close(client_);
  }

  void Handshake() {
    while (tls_ && !tls_->Handshake()) Exchange();
  }
  // Sends `text` completely and reads the replies.
  void Say(absl::string_view text) {
    Write(text);
    while (Exchange() > 0 || !wire_.to_server.empty()) {
    }
    if (tls_) (void)tls_->Read();
    wire_.to_client.clear();
  }
  // Sends `text` repeatedly, without reading, until the server stops reading.
  void Flood(absl::string_view text) {
    size_t moved = 0;
    do {
      if (wire_.to_server.empty()) Write(text);
      moved = Put();
      Serve();
    } while (moved > 0);
  }
  // Sends octets without TLS records around them.
  void SendRaw(absl::string_view bytes) {
    wire_.to_server.append(bytes.data(), bytes.size());
    Exchange();
  }

  // Bytes in the process.
  size_t process() const { return held_; }
  // Bytes in the kernel for the server's socket: replies that the client has
  // not read, and input that the server has not read.
  size_t sent() const { return Memory()[SK_MEMINFO_WMEM_QUEUED]; }
  size_t received() const {
    const Numbers numbers = Memory();
    return size_t{numbers[SK_MEMINFO_RMEM_ALLOC]} + numbers[SK_MEMINFO_BACKLOG];
  }
  // Returns whether the kernel applies the requested receive buffer size.
  bool limited() const {
    return Memory()[SK_MEMINFO_RCVBUF] == 2 * net::kReceiveBuffer;
  }

 private:
  using Numbers = std::array<uint32_t, SK_MEMINFO_VARS>;

  Numbers Memory() const {
    Numbers numbers = {};
    socklen_t length = sizeof(numbers);
    EXPECT_EQ(
        getsockopt(server_, SOL_SOCKET, SO_MEMINFO, numbers.data(), &length),
        0);
    return numbers;
  }
  void Count(const std::function<void()>& work) {
    const size_t before = HeapBytes();
    work();
    held_ += HeapBytes() - before;
  }
  void Continue() {
    while (std::exchange(yielded_, false)) connection_->Continue();
  }
  void Serve() {
    Count([this] {
      connection_->OnEvents(EPOLLIN | EPOLLOUT);
      Continue();
    });
  }
  void Write(absl::string_view text) {
    if (tls_) {
      tls_->Write(text);
    } else {
      wire_.to_server.append(text.data(), text.size());
    }
  }
  // Moves as much of the client's output as possible into its socket.
  size_t Put() {
    const ssize_t n = send(client_, wire_.to_server.data(),
                           wire_.to_server.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n <= 0) return 0;
    wire_.to_server.erase(0, static_cast<size_t>(n));
    return static_cast<size_t>(n);
  }
  // Moves all pending bytes in both directions; returns how many.
  size_t Exchange() {
    size_t moved = Put();
    Serve();
    std::array<char, 65536> room;
    ssize_t n = 0;
    while ((n = recv(client_, room.data(), room.size(), MSG_DONTWAIT)) > 0) {
      wire_.to_client.append(room.data(), static_cast<size_t>(n));
      moved += static_cast<size_t>(n);
      Serve();
    }
    return moved;
  }

  void Admit(ConnectionId, SessionInfo) override {}
  void Post(ConnectionId, PostedAnswer answer) override {
    connection_->Answer(std::move(answer));
  }
  void Yield(ConnectionId) override { yielded_ = true; }
  bool HoldRefused() override { return true; }
  void ReleaseRefused() override {}
  void OnClosed(ConnectionId) override { ADD_FAILURE() << "closed"; }

  int client_ = -1;
  int server_ = -1;
  size_t held_ = 0;
  bool yielded_ = false;
  std::unique_ptr<Connection> connection_;
  net::TestWire wire_;
  std::optional<net::TlsTestClient> tls_;
};

std::string Envelope(int recipients, size_t local_part) {
  std::string text = "MAIL FROM:<s@client.example>\r\n";
  for (int i = 0; i < recipients; ++i) {
    absl::StrAppend(&text, "RCPT TO:<", std::string(local_part, 'u'),
                    "@example.org>\r\n");
  }
  return text;
}

std::string Repeat(absl::string_view text, size_t octets) {
  std::string all;
  while (all.size() < octets) absl::StrAppend(&all, text);
  return all;
}

TEST(ConnectionMemoryTest, MemoryIsLimitedInEachState) {
  ASSERT_TRUE(counted);
  const std::string noops = Repeat("NOOP\r\n", 200000);
  const std::string content = Repeat("All lines are as short\r\n", 40000);
  const struct {
    absl::string_view name;
    std::function<void(Client&)> play;
    // Limits in KiB, without and with TLS.
    size_t process;
    size_t process_tls;
  } rows[] = {
      {"idle", [](Client&) {}, 2, 26},
      {"half a command",
       [](Client& client) { client.Say("NOOP " + std::string(4000, 'x')); }, 12,
       34},
      {"half a response of AUTH",
       [](Client& client) {
         client.Say("AUTH PLAIN\r\n");
         client.Say(std::string(12000, 'A'));
       },
       32, 48},
      {"commands, and no reply is read",
       [&](Client& client) { client.Flood(noops); }, 160, 192},
      {"commands with long replies",
       [](Client& client) { client.Flood(Repeat("HELP\r\n", 16000)); }, 160,
       192},
      {"transactions, and no reply is read",
       [](Client& client) {
         client.Flood(Repeat("MAIL FROM:<>\r\nRSET\r\n", 16000));
       },
       160, 192},
      {"an envelope of the most recipients",
       [](Client& client) { client.Say(Envelope(1000, 880)); }, 1200, 1216},
      {"commands after a message that waits for its answer",
       [&](Client& client) {
         client.Say(Envelope(1, 4) + "DATA\r\n");
         client.Flood(absl::StrCat(content, ".\r\n", noops));
       },
       128, 128},
      {"content ahead of the disk",
       [&](Client& client) {
         client.Say(Envelope(1, 4) + "DATA\r\n");
         client.Flood(content);
       },
       640, 656},
      {"content ahead of the disk, for the most recipients",
       [&](Client& client) {
         client.Say(Envelope(1000, 880) + "DATA\r\n");
         client.Flood(content);
       },
       kMaxProcess >> 10, kMaxProcess >> 10},
  };
  Site site;
  net::EventLoop loop;
  const SessionTimes options;
  for (const auto& row : rows) {
    for (const bool tls : {false, true}) {
      SCOPED_TRACE(absl::StrCat(row.name, tls ? ", TLS" : ""));
      size_t process = 0;
      // The first run makes the allocations that are made once per process.
      for (int i = 0; i < 2; ++i) {
        Client client(&site, &loop, &options, tls);
        client.Handshake();
        client.Say("EHLO client.example\r\n");
        row.play(client);
        process = client.process();
        EXPECT_LE(client.sent(), kMaxSent);
        if (client.limited()) {
          EXPECT_LE(client.received(), kMaxReceived);
        }
        if (i > 0) {
          std::printf("%-60s %5zu KiB, kernel %4zu and %4zu KiB\n",
                      absl::StrCat(row.name, tls ? ", TLS" : "").c_str(),
                      process >> 10, client.sent() >> 10,
                      client.received() >> 10);
        }
        site.never.clear();
      }
      EXPECT_LE(process, (tls ? row.process_tls : row.process) << 10);
      EXPECT_LE(process, kMaxProcess);
    }
  }
}

TEST(ConnectionMemoryTest, MemoryIsLimitedInAHandshake) {
  Site site;
  net::EventLoop loop;
  const SessionTimes options;
  // A ClientHello of 16 KiB - 4 bytes, without its end.
  const std::string hello =
      absl::StrCat(absl::string_view("\x16\x03\x01\x40\x00\x01\x00\x3f\xfc", 9),
                   std::string(16000, '\0'));
  size_t process = 0;
  for (int i = 0; i < 2; ++i) {
    Client client(&site, &loop, &options, /*tls=*/true);
    client.SendRaw(hello);
    process = client.process();
    EXPECT_LE(client.sent(), kMaxSent);
  }
  EXPECT_LE(process, size_t{80} << 10);
}

}  // namespace
}  // namespace postern
