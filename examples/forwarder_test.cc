// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "examples/forwarder.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "net/descriptor_stream.h"
#include "service/destination.h"
#include "transports/stdio.h"

namespace postern::examples {
namespace {

// Saves the message of a session.
class Kept : public Delivery {
 public:
  std::unique_ptr<MailTransaction> Begin(const Envelope&,
                                         const SharedSessionInfo&) override {
    return std::make_unique<Message>(this);
  }
  std::string envelope;
  std::string text;

 private:
  class Message : public MailTransaction {
   public:
    explicit Message(Kept* kept) : kept_(*kept) {}
    std::optional<Reply> Open(const Envelope& envelope) override {
      kept_.envelope = envelope.from.Address();
      for (const Recipient& to : envelope.to) {
        absl::StrAppend(&kept_.envelope, " ", to.path.Address());
      }
      return std::nullopt;
    }
    bool Write(absl::Span<const absl::string_view> slices,
               absl::AnyInvocable<void() &&>) override {
      for (absl::string_view slice : slices) {
        absl::StrAppend(&kept_.text, slice);
      }
      return true;
    }
    void Commit(Policy::Done done) override {
      if (absl::StrContains(kept_.text, "spam")) {
        return std::move(done)(Verdict::Refuse({554, {5, 7, 1}, "spam"}));
      }
      std::move(done)(Verdict::Accept({250, {2, 0, 0}, "queued as 7"}));
    }

   private:
    Kept& kept_;
  };
};

class NotForNo : public Policy {
  std::optional<Verdict> Decide(const Ask& ask, const SharedSessionInfo&,
                                Later) override {
    const auto* rcpt = std::get_if<Rcpt>(&ask.what);
    if (rcpt == nullptr || rcpt->to.local_part != "no") {
      return Verdict::Accept();
    }
    return Verdict::Refuse({550, {5, 1, 1}, "no mailbox by that name"});
  }
};

// A next hop that serves one session.
class NextHop {
 public:
  NextHop() {
    char name[] = "/tmp/forwarder_test.XXXXXX";
    folder_ = mkdtemp(name);
    path_ = folder_ + "/smtp";
    sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = {}};
    memcpy(address.sun_path, path_.data(), path_.size());
    listening_ = socket(AF_UNIX, SOCK_STREAM, 0);
    EXPECT_EQ(bind(listening_, reinterpret_cast<const sockaddr*>(&address),
                   sizeof(address)),
              0);
    EXPECT_EQ(listen(listening_, 1), 0);
    thread_ = std::thread([this] { Serve(); });
  }
  ~NextHop() {
    Join();
    unlink(path_.c_str());
    rmdir(folder_.c_str());
  }

  const std::string& path() const { return path_; }
  // Waits for the end of the session, or prevents it if it has not begun.
  void Join() {
    shutdown(listening_, SHUT_RDWR);
    if (thread_.joinable()) thread_.join();
    if (listening_ >= 0) close(std::exchange(listening_, -1));
  }

  Kept kept;

 private:
  void Serve() {
    const int socket = accept(listening_, nullptr, nullptr);
    if (socket < 0) return;
    NotForNo policy;
    const ServerConfig config = {.greeting = "hop.example"};
    const auto stamp = [] { return TraceStamp{absl::Now(), "1"}; };
    net::DescriptorStream stream(socket, socket);
    transports::ServeStdio(config, {&policy, &kept, config.greeting, stamp}, {},
                           {}, &stream);
    close(socket);
  }

  std::string folder_;
  std::string path_;
  int listening_ = -1;
  std::thread thread_;
};

absl::StatusOr<service::Destination> MakeForwarder(
    std::optional<absl::string_view> value,
    const service::DestinationSetup& setup) {
  if (!value || value->empty()) {
    return absl::InvalidArgumentError("which socket? forward:SOCKET");
  }
  return service::Destination{
      .delivery = std::make_unique<Forwarder>(std::string(*value),
                                              std::string(setup.host))};
}

constexpr service::DeliveryRow kForwarderRow = {
    "forward", ":SOCKET", "the SMTP server at a Unix socket, as it comes",
    MakeForwarder};

class ForwarderTest : public testing::Test {
 protected:
  std::unique_ptr<MailTransaction> Begin(Delivery& delivery) {
    return delivery.Begin({.from = {"s", "x.example"}, .message = 1},
                          std::make_shared<const SessionInfo>());
  }
  static Verdict Add(MailTransaction& transaction, const char* name) {
    return *transaction.AddRecipient({.to = {name, "d"}}, []() -> Policy::Done {
      return [](const Verdict&) {};
    });
  }
  static Reply Send(MailTransaction& transaction, absl::string_view text) {
    const std::optional<Reply> refusal =
        transaction.Open({.from = {"s", "x.example"}, .to = {{{"u", "d"}}}});
    if (refusal) return *refusal;
    transaction.Write({text}, [] {});
    Reply reply;
    transaction.Commit([&](const Verdict& verdict) {
      reply = verdict.reply().value_or(Reply{});
    });
    return reply;
  }

  NextHop hop_;
  Forwarder forwarder_{hop_.path(), "us.example"};
};

TEST_F(ForwarderTest, EachStepGetsTheReplyOfTheNextHop) {
  auto transaction = Begin(forwarder_);
  EXPECT_TRUE(Add(*transaction, "u").accepted());
  const Verdict no = Add(*transaction, "no");
  EXPECT_EQ(no.reply()->code, 550);
  EXPECT_EQ(no.rule(), "forward");
  EXPECT_TRUE(Add(*transaction, "v").accepted());
  EXPECT_EQ(Send(*transaction, "Subject: x\r\n\r\n.dot\r\n").code, 250);
  transaction.reset();
  hop_.Join();
  EXPECT_EQ(hop_.kept.envelope, "s@x.example u@d v@d");
  EXPECT_TRUE(absl::EndsWith(hop_.kept.text, "Subject: x\r\n\r\n.dot\r\n"));
}

TEST_F(ForwarderTest, MessageRefusedByTheNextHopIsRefused) {
  auto transaction = Begin(forwarder_);
  EXPECT_TRUE(Add(*transaction, "u").accepted());
  EXPECT_EQ(Send(*transaction, "spam\r\n").code, 554);
}

TEST_F(ForwarderTest, AbandonedTransactionSendsNoMessage) {
  auto transaction = Begin(forwarder_);
  EXPECT_TRUE(Add(*transaction, "u").accepted());
  ASSERT_FALSE(transaction->Open({.to = {{{"u", "d"}}}}));
  transaction->Write({"half"}, [] {});
  transaction.reset();
  hop_.Join();
  EXPECT_FALSE(absl::StrContains(hop_.kept.text, "queued"));
}

TEST_F(ForwarderTest, UnreachableNextHopIsATemporaryRefusal) {
  Forwarder nowhere("/nowhere/smtp", "us.example");
  auto transaction = Begin(nowhere);
  for (int i = 0; i < 2; ++i) {
    const Verdict verdict = Add(*transaction, "u");
    EXPECT_FALSE(verdict.accepted());
    EXPECT_EQ(verdict.reply()->code, 451);
  }
}

// The value of --deliver and its help come from the row.
TEST_F(ForwarderTest, RowDefinesOptionAndHelp) {
  std::vector<service::DeliveryRow> rows(service::DeliveryRows().begin(),
                                         service::DeliveryRows().end());
  rows.push_back(kForwarderRow);
  const auto made = service::MakeDestination(
      {.spec = absl::StrCat("forward:", hop_.path()), .host = "us"}, rows);
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_TRUE(made->delivery->ServesRemote({"u", "d"}));
  EXPECT_TRUE(made->blocks);
  EXPECT_FALSE(service::MakeDestination({.spec = "forward"}, rows).ok());
  EXPECT_TRUE(absl::StrContains(service::FormatDeliveries(rows),
                                "  forward:SOCKET           the SMTP server"));
}

}  // namespace
}  // namespace postern::examples
