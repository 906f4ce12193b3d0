// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A client that sends messages through ForwardTransactions, in virtual time.

#ifndef POSTERN_TESTS_FORWARD_SENDER_H_
#define POSTERN_TESTS_FORWARD_SENDER_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "delivery/forward/forward_transaction.h"
#include "delivery/forward/hop_health.h"
#include "delivery/forward/hop_pool.h"
#include "delivery/forward/next_hop.h"
#include "engine/proxied_client.h"
#include "gtest/gtest.h"
#include "tests/forward/virtual_hops.h"

namespace postern::delivery {

class Sender {
 public:
  // `next_hop` is the text of the next hop without its kind.
  Sender(VirtualHops* hops, NextHop::Kind kind, absl::string_view next_hop)
      : hops_(*hops) {
    NextHop hop = *NextHop::Parse(kind, next_hop);
    for (size_t i = 0; i < hop.hosts.size(); ++i) {
      health_.push_back(std::make_shared<HopHealth>());
    }
    ClientConfig config{.host_name = "us.example", .lmtp = hop.lmtp};
    pool_ = std::make_shared<HopPool>(std::move(hop), std::move(config),
                                      HopSecurity{}, health_, hops);
  }
  ~Sender() {
    transaction_.reset();
    hops_.Run();
    pool_->Shutdown();
    hops_.Run();
  }

  ProxiedClient client;       // of the next Mail()
  MailParameters parameters;  // the same
  RcptParameters rcpt;        // of the next Rcpt()

  void Mail() { Mail(parameters); }
  // With other parameters, this time.
  void Mail(const MailParameters& given) {
    transaction_.reset();
    envelope_ = {.from = {"s", "x.example"}, .parameters = given};
    transaction_ =
        std::make_unique<ForwardTransaction>(pool_, envelope_, client, "smtp");
  }
  // Begins a RCPT. The reply's code is 0 until there is one.
  std::shared_ptr<Reply> BeginRcpt(const std::string& user) {
    auto reply = std::make_shared<Reply>();
    const Path to = {user, "d.example"};
    const auto take = [this, reply, to](Verdict verdict) {
      if (verdict.accepted()) envelope_.to.push_back({to, {}});
      *reply = verdict.reply().value_or(Reply{250, {}, ""});
    };
    std::optional<Verdict> verdict = transaction_->AddRecipient(
        {.from = envelope_.from, .to = to, .parameters = rcpt},
        [take]() -> Policy::Done { return take; });
    if (verdict) take(*std::move(verdict));
    return reply;
  }
  // These wait at most as long as RFC 5321 4.5.3.2 demands of a client.
  Reply Rcpt(const std::string& user) {
    const auto reply = BeginRcpt(user);
    EXPECT_TRUE(
        hops_.RunUntil([&] { return reply->code != 0; }, absl::Minutes(5)))
        << "no reply to RCPT in five minutes";
    return *reply;
  }
  // Returns the reply to DATA.
  Reply Open() {
    Reply reply;
    const auto take = [&reply](const Verdict& verdict) {
      reply = verdict.accepted() ? Reply{354, {}, ""} : *verdict.reply();
    };
    if (auto verdict = transaction_->Open(
            envelope_, [take]() -> Policy::Done { return take; })) {
      take(*verdict);
    }
    EXPECT_TRUE(
        hops_.RunUntil([&] { return reply.code != 0; }, absl::Minutes(2)))
        << "no reply to DATA in two minutes";
    return reply;
  }
  // Waits until the content is taken.
  void Write(absl::string_view content) {
    bool ready = false;
    if (transaction_->Write({&content, 1}, [&ready] { ready = true; })) {
      return hops_.Run();
    }
    EXPECT_TRUE(hops_.RunUntil([&] { return ready; }, absl::Minutes(5)))
        << "content waits for more than five minutes";
  }
  // Calls `each` at each step of the time.
  Reply Commit(absl::FunctionRef<void()> each = [] {}) {
    Reply reply;
    transaction_->Commit([&reply](Verdict verdict) {
      reply = verdict.reply().value_or(Reply{250, {}, ""});
    });
    EXPECT_TRUE(hops_.RunUntil(
        [&] {
          each();
          return reply.code != 0;
        },
        absl::Minutes(8)))
        << "no reply to the message in eight minutes";
    return reply;
  }
  std::vector<Reply> CommitEach() {
    std::vector<Reply> replies;
    transaction_->CommitEach([&replies](std::vector<Verdict> verdicts) {
      for (const Verdict& verdict : verdicts) {
        replies.push_back(verdict.reply().value_or(Reply{250, {}, ""}));
      }
    });
    EXPECT_TRUE(
        hops_.RunUntil([&] { return !replies.empty(); }, absl::Minutes(8)));
    return replies;
  }
  void Reset() {
    transaction_.reset();
    hops_.Run();
  }

  // Sends a message to one recipient. Returns the last reply.
  Reply Send(absl::string_view content = "Subject: x\r\n\r\n.dot\r\n") {
    Mail();
    if (Reply reply = Rcpt("u"); reply.code / 100 != 2) return reply;
    if (Reply reply = Open(); reply.code != 354) return reply;
    Write(content);
    Reply reply = Commit();
    Reset();
    return reply;
  }

  HopPool& pool() { return *pool_; }
  HopHealth& health(size_t server = 0) { return *health_[server]; }

 private:
  VirtualHops& hops_;
  std::vector<std::shared_ptr<HopHealth>> health_;
  std::shared_ptr<HopPool> pool_;
  Envelope envelope_;
  std::unique_ptr<ForwardTransaction> transaction_;
};

}  // namespace postern::delivery

#endif  // POSTERN_TESTS_FORWARD_SENDER_H_
