// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "examples/forwarder.h"

#include <stdlib.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rig/server.h"
#include "service/destination.h"

namespace postern::examples {
namespace {

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

// A directory with a short name, because the path of a Unix socket has at most
// 107 octets.
class ShortDirectory {
 public:
  ShortDirectory() { EXPECT_NE(mkdtemp(name_), nullptr); }
  ~ShortDirectory() { rmdir(name_); }
  std::string File(absl::string_view file) const {
    return absl::StrCat(name_, "/", file);
  }

 private:
  char name_[32] = "/tmp/forwarder_test.XXXXXX";
};

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
    const std::optional<Verdict> opened =
        transaction.Open({.from = {"s", "x.example"}, .to = {{{"u", "d"}}}},
                         []() -> Policy::Done { std::abort(); });
    if (!opened->accepted()) return *opened->reply();
    transaction.Write({text}, [] {});
    Reply reply;
    transaction.Commit([&](const Verdict& verdict) {
      reply = verdict.reply().value_or(Reply{});
    });
    return reply;
  }

  ShortDirectory directory_;
  const std::string path_ = directory_.File("smtp");
  rig::Server hop_{{.address = absl::StrCat("unix:", path_)}};
  Forwarder forwarder_{path_, "us.example"};
};

TEST_F(ForwarderTest, EachStepGetsTheReplyOfTheNextHop) {
  hop_.On(rig::Rcpt("no@d")).Reply(550, "5.1.1 no mailbox by that name");
  auto transaction = Begin(forwarder_);
  EXPECT_TRUE(Add(*transaction, "u").accepted());
  const Verdict no = Add(*transaction, "no");
  EXPECT_EQ(no.reply()->code, 550);
  EXPECT_EQ(no.rule(), "forward");
  EXPECT_TRUE(Add(*transaction, "v").accepted());
  EXPECT_EQ(Send(*transaction, "Subject: x\r\n\r\n.dot\r\n").code, 250);
  ASSERT_EQ(hop_.messages().size(), 1u);
  const rig::Message message = hop_.messages()[0];
  EXPECT_EQ(message.from(), "s@x.example");
  EXPECT_THAT(message.to(), testing::ElementsAre("u@d", "v@d"));
  EXPECT_EQ(message.raw(), "Subject: x\r\n\r\n.dot\r\n");
}

TEST_F(ForwarderTest, MessageRefusedByTheNextHopIsRefused) {
  hop_.On(rig::EndOfData()).Reply(554, "5.7.1 spam");
  auto transaction = Begin(forwarder_);
  EXPECT_TRUE(Add(*transaction, "u").accepted());
  EXPECT_EQ(Send(*transaction, "spam\r\n").code, 554);
}

TEST_F(ForwarderTest, AbandonedTransactionSendsNoMessage) {
  auto transaction = Begin(forwarder_);
  EXPECT_TRUE(Add(*transaction, "u").accepted());
  ASSERT_TRUE(
      transaction
          ->Open({.to = {{{"u", "d"}}}}, []() -> Policy::Done { std::abort(); })
          ->accepted());
  transaction->Write({"half"}, [] {});
  transaction.reset();
  EXPECT_EQ(hop_.WaitForSessions(1).size(), 1u);
  EXPECT_TRUE(hop_.messages().empty());
}

// An outage of the next hop is never a permanent refusal, and its sudden end is
// never an acceptance.
TEST_F(ForwarderTest, NextHopThatFailsIsATemporaryRefusal) {
  hop_.On(rig::Rcpt()).Once().Close(rig::Cut::kInside);
  hop_.On(rig::Rcpt()).Once().Reply(421, "4.3.2 shutting down");
  hop_.On(rig::Rcpt()).Once().Raw("nonsense\r\n");
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Add(*Begin(forwarder_), "u").reply()->code, 451);
  }
  hop_.On(rig::Data()).Once().Close();
  hop_.On(rig::Content()).Once().After(4).Close();
  hop_.On(rig::EndOfData()).Once().Close();
  for (int i = 0; i < 3; ++i) {
    auto transaction = Begin(forwarder_);
    EXPECT_TRUE(Add(*transaction, "u").accepted());
    EXPECT_EQ(Send(*transaction, "text\r\n").code, 451);
  }
  EXPECT_TRUE(hop_.UnmetFaults().empty());
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
      {.spec = absl::StrCat("forward:", path_), .host = "us"}, rows);
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_TRUE(made->delivery->ServesRemote({"u", "d"}));
  EXPECT_TRUE(made->blocks);
  EXPECT_FALSE(service::MakeDestination({.spec = "forward"}, rows).ok());
  EXPECT_TRUE(absl::StrContains(service::FormatDeliveries(rows),
                                "  forward:SOCKET           the SMTP server"));
}

}  // namespace
}  // namespace postern::examples
