// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// STARTTLS over blocking descriptors.

#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "engine/ask.h"
#include "engine/delivery.h"
#include "engine/policy.h"
#include "engine/responder.h"
#include "engine/server_config.h"
#include "engine/session_handoff.h"
#include "engine/session_info.h"
#include "engine/step.h"
#include "gtest/gtest.h"
#include "net/descriptor_stream.h"
#include "net/stream_channel.h"
#include "net/test_certificates.h"
#include "net/tls_channel.h"
#include "net/tls_context.h"
#include "net/tls_test_client.h"
#include "transports/stdio.h"

namespace postern::transports {
namespace {

class AcceptAll : public Policy {
 public:
  std::optional<Verdict> Decide(const Ask&, const SharedSessionInfo&,
                                Later) override {
    return Verdict::Accept();
  }
};

// Keeps committed messages.
class Kept : public Delivery {
 public:
  std::unique_ptr<MailTransaction> Begin(const Envelope&,
                                         const SharedSessionInfo&) override {
    return std::make_unique<Message>(this);
  }

  std::vector<std::string> messages;

 private:
  class Message : public MailTransaction {
   public:
    explicit Message(Kept* kept) : kept_(*kept) {}
    std::optional<Verdict> Open(const Envelope&, Policy::Later) override {
      return Verdict::Accept();
    }
    bool Write(absl::Span<const absl::string_view> slices,
               absl::AnyInvocable<void() &&>) override {
      for (absl::string_view slice : slices) {
        text_.append(slice.data(), slice.size());
      }
      return true;
    }
    void Commit(Policy::Done done) override {
      kept_.messages.push_back(std::move(text_));
      std::move(done)(Verdict::Accept());
    }

   private:
    Kept& kept_;
    std::string text_;
  };
};

// A client on a socket, at first without TLS.
class Client {
 public:
  explicit Client(int socket) : socket_(socket), tls_({}, &wire_) {
    const timeval patience = {10, 0};
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  }

  // Sends `bytes` without TLS. Returns what arrives until `end`, or until
  // nothing more arrives.
  std::string Plain(absl::string_view bytes, absl::string_view end) {
    Send(bytes);
    std::string got;
    while (!absl::EndsWith(got, end) && Receive(&got)) {
    }
    return got;
  }

  bool Handshake() {
    while (true) {
      const bool done = tls_.Handshake();
      Send(std::exchange(wire_.to_server, ""));
      if (done || !Receive(&wire_.to_client)) return done;
    }
  }

  // Like Plain(), but through TLS.
  std::string Secret(absl::string_view bytes, absl::string_view end) {
    if (!bytes.empty()) tls_.Write(bytes);
    Send(std::exchange(wire_.to_server, ""));
    std::string got = tls_.Read();
    while (!absl::EndsWith(got, end) && Receive(&wire_.to_client)) {
      got += tls_.Read();
    }
    return got;
  }

  // Sends close_notify and `plain` in one write.
  void CloseNotify(absl::string_view plain) {
    tls_.CloseNotify();
    Send(absl::StrCat(std::exchange(wire_.to_server, ""), plain));
  }
  bool saw_close() const { return tls_.saw_close(); }

 private:
  void Send(absl::string_view bytes) {
    if (bytes.empty()) return;  // send() fails after the server has closed
    EXPECT_EQ(send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  bool Receive(std::string* to) {
    std::array<char, 4096> room;
    const ssize_t count = recv(socket_, room.data(), room.size(), 0);
    if (count <= 0) return false;
    to->append(room.data(), static_cast<size_t>(count));
    return true;
  }

  const int socket_;
  net::TestWire wire_;
  net::TlsTestClient tls_;
};

class StdioTlsTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    net::TestCertificates certificates;
    auto context = net::TlsContext::Make(
        {.certificates = {certificates.Make("mx", {.common_name = "mx"})}});
    ASSERT_TRUE(context.ok()) << context.status();
    context_ = *std::move(context);
  }
  static void TearDownTestSuite() { context_.reset(); }

  StdioTlsTest() {
    config_.greeting = "mx";
    config_.offer_starttls = true;
    options_.times.linger = absl::Milliseconds(10);
    options_.secure = [](net::StreamChannel* below) {
      return std::make_unique<net::TlsChannel>(context_, below);
    };
  }

  // Serves one session until its end. `talk` is the client.
  template <typename Talk>
  SessionEnd Serve(const Talk& talk) {
    int pair[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    SessionEnd result;
    std::thread server([&] {
      ResponderOptions responder;
      responder.policy = &policy_;
      responder.delivery = &kept_;
      responder.host_name = "mx";
      responder.stamp = [] { return TraceStamp{absl::UnixEpoch(), "id"}; };
      net::DescriptorStream stream(pair[0], pair[0]);
      result = ServeStdio(config_, std::move(responder), {}, options_, &stream);
      close(pair[0]);
    });
    Client client(pair[1]);
    talk(&client);
    shutdown(pair[1], SHUT_WR);
    server.join();
    close(pair[1]);
    return result;
  }

  // Sends the commands up to the 220 to STARTTLS.
  static void StartTls(Client* client) {
    client->Plain("", "220 mx ESMTP\r\n");
    client->Plain("EHLO c\r\n", "250 STARTTLS\r\n");
    EXPECT_EQ(client->Plain("STARTTLS\r\n", "\r\n").substr(0, 4), "220 ");
  }

  static std::shared_ptr<const net::TlsContext> context_;

  AcceptAll policy_;
  Kept kept_;
  ServerConfig config_;
  StdioOptions options_;
};

std::shared_ptr<const net::TlsContext> StdioTlsTest::context_;

constexpr absl::string_view kMail =
    "MAIL FROM:<s@x>\r\nRCPT TO:<u@d>\r\nDATA\r\n";

TEST_F(StdioTlsTest, ServesASessionThroughTls) {
  const SessionEnd result = Serve([](Client* client) {
    StartTls(client);
    ASSERT_TRUE(client->Handshake());
    EXPECT_FALSE(absl::StrContains(
        client->Secret("EHLO c\r\n", "250 LIMITS RCPTMAX=1000\r\n"),
        "STARTTLS"));
    client->Secret(kMail, "354 go ahead\r\n");
    EXPECT_EQ(client->Secret("Subject: x\r\n\r\nhi\r\n.\r\n", "ok\r\n"),
              "250 2.0.0 ok\r\n");
    EXPECT_EQ(client->Secret("QUIT\r\n", "mx\r\n"), "221 2.0.0 mx\r\n");
    EXPECT_EQ(client->Secret("", "anything"), "");
    EXPECT_TRUE(client->saw_close());
  });
  EXPECT_EQ(result.reason, CloseReason::kQuit);
  EXPECT_TRUE(result.clean);
  EXPECT_EQ(result.tls_error, "");
  ASSERT_EQ(kept_.messages.size(), 1u);
  EXPECT_TRUE(absl::StrContains(kept_.messages[0], "with ESMTPS"));
  EXPECT_TRUE(absl::StrContains(kept_.messages[0], "TLS_AES_128_GCM_SHA256"));
}

TEST_F(StdioTlsTest, EndsIfTheHandshakeFails) {
  options_.times.handshake_timeout = absl::Milliseconds(50);
  const struct {
    const char* bytes;  // without TLS, after the 220
    CloseReason reason;
    const char* error;
  } kCases[] = {
      {"MAIL FROM:<>\r\n", CloseReason::kPeerGone, "wrong version number"},
      {"GET / HTTP/1.0\r\n\r\n", CloseReason::kPeerGone, "http request"},
      {"\x16", CloseReason::kTimeout, "the handshake took too long"},
      {"", CloseReason::kTimeout, "the handshake took too long"},
  };
  for (const auto& c : kCases) {
    const SessionEnd result = Serve([&c](Client* client) {
      StartTls(client);
      EXPECT_FALSE(absl::StrContains(client->Plain(c.bytes, "never"), "250"));
    });
    EXPECT_EQ(result.reason, c.reason) << c.bytes;
    EXPECT_EQ(result.tls_error, c.error) << c.bytes;
    EXPECT_FALSE(result.clean);
  }
}

TEST_F(StdioTlsTest, EndsIfTheSecureChannelIsMissing) {
  options_.secure = [](net::StreamChannel*) { return nullptr; };
  const SessionEnd result = Serve([](Client* client) {
    StartTls(client);
    EXPECT_EQ(client->Plain("", "never"), "");
  });
  EXPECT_EQ(result.reason, CloseReason::kPeerGone);
}

TEST_F(StdioTlsTest, AcceptsNoCommandWithoutTlsAfterStartTls) {
  const SessionEnd result = Serve([](Client* client) {
    client->Plain("", "220 mx ESMTP\r\n");
    const std::string got = client->Plain("STARTTLS\r\nNOOP\r\n", "never");
    EXPECT_EQ(got.substr(0, 4), "220 ");
    EXPECT_FALSE(absl::StrContains(got, "250"));
  });
  EXPECT_EQ(result.reason, CloseReason::kAbuse);
}

TEST_F(StdioTlsTest, AcceptsNothingAfterTheEndOfTls) {
  const SessionEnd result = Serve([](Client* client) {
    StartTls(client);
    ASSERT_TRUE(client->Handshake());
    client->Secret("EHLO c\r\n", "250 LIMITS RCPTMAX=1000\r\n");
    client->Secret(kMail, "354 go ahead\r\n");
    client->Secret("half of it\r\n", "");
    client->CloseNotify("the rest\r\n.\r\n");
    client->Plain("", "never");
  });
  EXPECT_EQ(result.reason, CloseReason::kPeerGone);
  EXPECT_FALSE(result.clean);
  EXPECT_TRUE(kept_.messages.empty());
}

TEST_F(StdioTlsTest, ASilentClientGetsA421ThroughTls) {
  config_.command_timeout = absl::Milliseconds(200);
  const SessionEnd result = Serve([](Client* client) {
    StartTls(client);
    ASSERT_TRUE(client->Handshake());
    EXPECT_EQ(client->Secret("", "never"), "421 4.4.2 timeout (#4.4.2)\r\n");
    EXPECT_TRUE(client->saw_close());
  });
  EXPECT_EQ(result.reason, CloseReason::kTimeout);
  EXPECT_TRUE(result.flushed);
}

TEST_F(StdioTlsTest, ContinuesWithoutTlsIfTlsIsNotAvailable) {
  int asked = 0;
  options_.tls_asked = [&asked](const SessionHandoff&,
                                const SessionInfo& info) {
    EXPECT_EQ(info.hello_name, "c");
    ++asked;
    return false;
  };
  const SessionEnd result = Serve([](Client* client) {
    client->Plain("", "220 mx ESMTP\r\n");
    client->Plain("EHLO c\r\n", "250 STARTTLS\r\n");
    for (int i = 0; i < 2; ++i) {
      EXPECT_EQ(client->Plain("STARTTLS\r\n", "\r\n"),
                "454 4.7.0 TLS not available (#4.7.0)\r\n");
    }
    EXPECT_EQ(client->Plain("MAIL FROM:<s@x>\r\n", "\r\n"), "250 2.1.0 ok\r\n");
    client->Plain("QUIT\r\n", "221 2.0.0 mx\r\n");
  });
  EXPECT_EQ(asked, 2);
  EXPECT_TRUE(result.clean);
}

TEST_F(StdioTlsTest, AsksForTlsAfterItsReplies) {
  std::promise<void> heard;
  options_.tls_asked = [&heard](const SessionHandoff& handoff,
                                const SessionInfo&) {
    // Only the descriptors and `handoff` are passed on.
    EXPECT_EQ(heard.get_future().wait_for(std::chrono::seconds(10)),
              std::future_status::ready);
    EXPECT_EQ(handoff.errors, 1);
    EXPECT_TRUE(handoff.extended);
    return true;
  };
  Serve([&heard](Client* client) {
    client->Plain("", "220 mx ESMTP\r\n");
    client->Plain("EHLO c\r\nx\r\nSTARTTLS\r\n", "(#5.5.2)\r\n");
    heard.set_value();
    client->Plain("", "220 2.0.0 ready\r\n");
    EXPECT_TRUE(client->Handshake());
    EXPECT_EQ(client->Secret("NOOP\r\n", "\r\n"), "250 2.0.0 ok\r\n");
  });
}

// The other program would not know of that input.
TEST_F(StdioTlsTest, DoesNotAskIfInputFollowsStartTls) {
  bool asked = false;
  options_.tls_asked = [&asked](const SessionHandoff&, const SessionInfo&) {
    asked = true;
    return false;
  };
  const SessionEnd result = Serve([](Client* client) {
    client->Plain("", "220 mx ESMTP\r\n");
    const std::string got = client->Plain("STARTTLS\r\nNOOP\r\n", "never");
    EXPECT_FALSE(absl::StrContains(got, "250"));
  });
  EXPECT_FALSE(asked);
  EXPECT_EQ(result.reason, CloseReason::kAbuse);
}

TEST_F(StdioTlsTest, ContinuesTheSessionOfAnotherProgram) {
  config_.max_errors = 3;
  options_.times.greet_delay = absl::Seconds(30);  // must have no effect
  for (const bool tls : {true, false}) {
    options_.handoff.emplace();
    options_.handoff->extended = options_.handoff->greeted = true;
    options_.handoff->errors = 2;
    options_.tls_asked = [tls](const SessionHandoff&, const SessionInfo&) {
      return tls;
    };
    const SessionEnd result = Serve([tls](Client* client) {
      if (tls) {
        EXPECT_EQ(client->Plain("", "\r\n"), "220 2.0.0 ready\r\n");
        ASSERT_TRUE(client->Handshake());
        EXPECT_EQ(client->Secret("x\r\nNOOP\r\n", "4.7.0)\r\n"),
                  "500 5.5.2 unrecognized command (#5.5.2)\r\n"
                  "421 4.7.0 too many errors (#4.7.0)\r\n");
      } else {
        EXPECT_EQ(client->Plain("", "\r\n").substr(0, 4), "454 ");
        EXPECT_EQ(client->Plain("MAIL FROM:<s@x>\r\n", "\r\n"),
                  "250 2.1.0 ok\r\n");
      }
    });
    EXPECT_EQ(result.reason,
              tls ? CloseReason::kAbuse : CloseReason::kPeerGone);
  }
}

TEST_F(StdioTlsTest, WithTlsFirstTheGreetingComesThroughTls) {
  config_.offer_starttls = false;
  options_.tls_first = true;
  options_.times.greet_delay = absl::Milliseconds(100);
  Serve([](Client* client) {
    ASSERT_TRUE(client->Handshake());
    EXPECT_EQ(client->Secret("", "\r\n"), "220 mx ESMTP\r\n");
  });
  Serve([](Client* client) {  // this client talks before the greeting
    ASSERT_TRUE(client->Handshake());
    EXPECT_EQ(client->Secret("NOOP\r\n", "ok\r\n"),
              "220 mx ESMTP\r\n250 2.0.0 ok\r\n");
  });
}

TEST_F(StdioTlsTest, WithTlsFirstNothingIsSentWithoutTls) {
  config_.offer_starttls = false;
  options_.tls_first = true;
  const SessionEnd result = Serve([](Client* client) {
    const std::string got = client->Plain("EHLO c\r\n", "never");
    EXPECT_FALSE(absl::StrContains(got, "mx"));
  });
  EXPECT_EQ(result.reason, CloseReason::kPeerGone);
  EXPECT_EQ(result.tls_error, "wrong version number");
}

}  // namespace
}  // namespace postern::transports
