// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/responder.h"

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace postern {
namespace {

using Ready = absl::AnyInvocable<void() &&>;

// What a test's ports are told to do, and what they have seen.
struct World {
  Verdict verdict = Verdict::Accept();  // to all questions but Connected
  std::optional<Reply> no_sink;
  std::optional<Verdict> commit = Verdict::Accept();  // nullopt: later
  bool full = false;                                  // sinks ask for time

  int open_sinks = 0;
  std::vector<std::string> envelopes;  // of Open()
  std::string content;                 // of the last sink
  Ready ready;
  Policy::Done done;  // of a late Commit()
  std::vector<SharedSessionInfo> infos;
};

class TestPolicy : public Policy {
 public:
  explicit TestPolicy(World* world) : world_(*world) {}
  void Decide(const Ask& ask, const SharedSessionInfo& session,
              Done done) override {
    EXPECT_FALSE(std::holds_alternative<BodyEnd>(ask.what));
    world_.infos.push_back(session);
    const bool connected = std::holds_alternative<Connected>(ask.what);
    std::move(done)(connected ? Verdict::Accept() : world_.verdict);
  }

 private:
  World& world_;
};

class TestSink : public MessageSink {
 public:
  explicit TestSink(World* world) : world_(*world) {
    ++world_.open_sinks;
    world_.content.clear();
  }
  ~TestSink() override { --world_.open_sinks; }

  bool Write(absl::Span<const absl::string_view> slices, Ready ready) override {
    for (absl::string_view slice : slices) {
      absl::StrAppend(&world_.content, slice);
    }
    if (world_.full) world_.ready = std::move(ready);
    return !world_.full;
  }
  void Commit(Policy::Done done) override {
    if (world_.commit) return std::move(done)(*world_.commit);
    world_.done = std::move(done);
  }

 private:
  World& world_;
};

class TestDelivery : public Delivery {
 public:
  explicit TestDelivery(World* world) : world_(*world) {}
  Opened Open(const Envelope& envelope, const SessionInfo&) override {
    EXPECT_FALSE(envelope.to.empty());
    std::string& line = world_.envelopes.emplace_back(envelope.from.Address());
    for (const Recipient& to : envelope.to) {
      absl::StrAppend(&line, " ", to.path.Address());
    }
    if (world_.no_sink) return *world_.no_sink;
    return std::make_unique<TestSink>(&world_);
  }

 private:
  World& world_;
};

// A session, its responder, and a driver of no patience: posted answers are
// given where PostAll() is called.
class ResponderTest : public testing::Test {
 protected:
  ResponderTest() : policy_(&world_), delivery_(&world_) {
    config_.greeting = "mx";
    session_.emplace(config_);
    ResponderOptions options;
    options.policy = &policy_;
    options.delivery = &delivery_;
    options.host_name = "host.example";
    options.stamp = [] {
      return TraceStamp{absl::FromUnixSeconds(1795290976), "q1"};
    };
    options.post = [this](PostedAnswer answer) {
      posted_.push_back(std::move(answer));
    };
    responder_.emplace(&*session_, std::move(options), SessionInfo());
  }
  // What a sink or a policy still holds must not outlive the world.
  ~ResponderTest() override { responder_.reset(); }

  // Takes one step, and tells the responder.
  Step::Kind Advance() {
    const Step step = session_->Advance(in_);
    if (step.kind == Step::Kind::kAsk) responder_->OnAsk(*step.ask);
    if (step.kind == Step::Kind::kAborted) responder_->OnAborted(step.refusal);
    if (step.kind == Step::Kind::kBody) {
      flowing_ = responder_->OnBody(step.body, [this] { flowing_ = true; });
    }
    in_.erase(0, step.consumed);
    return step.kind;
  }
  void PostAll() {
    while (!posted_.empty()) {
      PostedAnswer answer = std::move(posted_.front());
      posted_.pop_front();
      responder_->Answer(std::move(answer));
    }
  }
  // Feeds `bytes`, and goes on until nothing moves. Returns the replies.
  std::string Feed(absl::string_view bytes) {
    absl::StrAppend(&in_, bytes);
    while (true) {
      const Step::Kind kind = Advance();
      const bool moved = !posted_.empty();
      PostAll();
      if (kind == Step::Kind::kNeedInput || kind == Step::Kind::kClosed ||
          (kind == Step::Kind::kWaiting && !moved)) {
        break;
      }
    }
    return TakeOutput();
  }
  std::string TakeOutput() {
    std::string out(session_->Output());
    session_->OutputWritten(out.size());
    return out;
  }

  World world_;
  TestPolicy policy_;
  TestDelivery delivery_;
  ServerConfig config_;
  std::optional<ServerSession> session_;
  std::deque<PostedAnswer> posted_;
  std::optional<Responder> responder_;
  std::string in_;
  bool flowing_ = true;
};

constexpr absl::string_view kEnvelope =
    "EHLO c.example\r\nMAIL FROM:<s@x>\r\nRCPT TO:<a@d>\r\nRCPT TO:<b@d>\r\n";

TEST_F(ResponderTest, BringsAMessageToItsSinkBehindAReceivedField) {
  Feed(kEnvelope);
  EXPECT_EQ(Feed("DATA\r\n"), "354 go ahead\r\n");
  EXPECT_EQ(world_.open_sinks, 1);
  EXPECT_EQ(Feed("hi\r\n.\r\n"), "250 2.0.0 ok\r\n");
  EXPECT_EQ(world_.envelopes, std::vector<std::string>{"s@x a@d b@d"});
  EXPECT_EQ(world_.content,
            "Received: from c.example (unknown)\r\n"
            "\tby host.example with ESMTP id q1;\r\n"
            "\tSat, 21 Nov 2026 19:56:16 +0000\r\nhi\r\n");
  EXPECT_EQ(world_.open_sinks, 0);
}

TEST_F(ResponderTest, TellsPoliciesWhatTheClientSaidOnceItIsAccepted) {
  Feed("EHLO c.example\r\n");
  EXPECT_EQ(world_.infos.back()->hello_name, "");  // not before the answer
  EXPECT_EQ(responder_->info()->hello_name, "c.example");
  EXPECT_EQ(responder_->info()->hello_verb, Hello::Verb::kEhlo);
  const SharedSessionInfo before = responder_->info();
  Feed("HELO d.example\r\n");
  EXPECT_EQ(before->hello_name, "c.example");  // a snapshot stays
  EXPECT_EQ(responder_->info()->hello_name, "d.example");
  EXPECT_EQ(responder_->info()->hello_verb, Hello::Verb::kHelo);
  world_.verdict = Verdict::Refuse({550, {}, "no"});
  Feed("EHLO e.example\r\n");
  EXPECT_EQ(responder_->info()->hello_name, "d.example");
}

// A policy may not word the reply to EHLO: the client hears of a local error,
// and nothing is believed of a greeting that was refused.
TEST_F(ResponderTest, BelievesNoGreetingWhoseAnswerDidNotFit) {
  world_.verdict = Verdict::Accept(Reply{250, {}, "hello"});
  EXPECT_EQ(Feed("EHLO c.example\r\n"),
            "220 mx ESMTP\r\n451 4.3.0 local error (#4.3.0)\r\n");
  EXPECT_EQ(responder_->info()->hello_name, "");
}

TEST_F(ResponderTest, TurnsAPolicysMistakeIntoALocalError) {
  Feed("EHLO c\r\n");
  world_.verdict = Verdict::Refuse({250, {}, "what"});
  EXPECT_EQ(Feed("MAIL FROM:<s@x>\r\n"), "451 4.3.0 local error (#4.3.0)\r\n");
}

TEST_F(ResponderTest, OpensNoSinkForARefusedBody) {
  Feed(kEnvelope);
  world_.verdict = Verdict::Refuse({451, {4, 3, 0}, "not now"});
  EXPECT_EQ(Feed("DATA\r\n"), "451 4.3.0 not now\r\n");
  EXPECT_TRUE(world_.envelopes.empty());
}

TEST_F(ResponderTest, RefusesABodyThatHasNoSink) {
  Feed(kEnvelope);
  world_.no_sink = Reply{452, {4, 3, 1}, "disk full"};
  EXPECT_EQ(Feed("DATA\r\n"), "452 4.3.1 disk full\r\n");
  EXPECT_EQ(Feed("RCPT TO:<c@d>\r\n"), "503 5.5.1 MAIL first (#5.5.1)\r\n");
}

TEST_F(ResponderTest, GivesTheSinksVerdict) {
  Feed(kEnvelope);
  world_.commit = Verdict::Refuse({554, {5, 3, 0}, "no"});
  EXPECT_EQ(Feed("DATA\r\n.\r\n"), "354 go ahead\r\n554 5.3.0 no\r\n");
  EXPECT_EQ(world_.open_sinks, 0);
}

TEST_F(ResponderTest, DiscardsTheSinkOfAnAbortedMessage) {
  Feed(kEnvelope);
  Feed("DATA\r\nhalf");
  EXPECT_EQ(world_.open_sinks, 1);
  Feed(" bad\n");
  EXPECT_EQ(world_.open_sinks, 0);
  Feed("\r\n.\r\n");
  EXPECT_EQ(Feed("MAIL FROM:<s@x>\r\nRCPT TO:<u@d>\r\nDATA\r\nnew\r\n.\r\n"),
            "250 2.1.0 ok\r\n250 2.1.5 ok\r\n354 go ahead\r\n250 2.0.0 ok\r\n");
  EXPECT_FALSE(absl::StrContains(world_.content, "half"));
}

TEST_F(ResponderTest, WaitsForASinkThatIsFullAtTheReceivedField) {
  Feed(kEnvelope);
  world_.full = true;
  EXPECT_EQ(Feed("DATA\r\n"), "");
  EXPECT_EQ(world_.open_sinks, 1);
  world_.full = false;
  std::move(world_.ready)();
  PostAll();
  EXPECT_EQ(TakeOutput(), "354 go ahead\r\n");
  EXPECT_EQ(world_.open_sinks, 1);
  EXPECT_EQ(Feed(".\r\n"), "250 2.0.0 ok\r\n");
}

TEST_F(ResponderTest, StopsTheFlowWhileTheSinkIsFull) {
  Feed(kEnvelope);
  Feed("DATA\r\n");
  world_.full = true;
  Feed("text\r\n");
  EXPECT_FALSE(flowing_);
  std::move(world_.ready)();
  EXPECT_TRUE(flowing_);
}

TEST_F(ResponderTest, KeepsACommittingSinkUntilItHasAnswered) {
  Feed(kEnvelope);
  world_.commit.reset();
  EXPECT_EQ(Feed("DATA\r\n.\r\n"), "354 go ahead\r\n");
  session_->TimedOut();
  Feed("");
  responder_.reset();  // the connection is gone
  EXPECT_EQ(world_.open_sinks, 1);
  std::move(world_.done)(Verdict::Accept());
  world_.done = nullptr;
  EXPECT_EQ(world_.open_sinks, 0);
}

// Between the end of a transaction and its kAborted, an answer to BodyBegin
// may still come in.
TEST_F(ResponderTest, OpensNoSinkForATransactionThatIsOver) {
  Feed(kEnvelope);
  in_ = "DATA\r\n";
  ASSERT_EQ(Advance(), Step::Kind::kAsk);
  ASSERT_EQ(posted_.size(), 1u);
  session_->TimedOut();
  PostAll();
  EXPECT_TRUE(world_.envelopes.empty());
  EXPECT_EQ(world_.open_sinks, 0);
  EXPECT_EQ(Advance(), Step::Kind::kAborted);
  EXPECT_EQ(Advance(), Step::Kind::kClosed);
}

TEST_F(ResponderTest, OpensNoSinkForALateAnswer) {
  Feed(kEnvelope);
  in_ = "DATA\r\n";
  ASSERT_EQ(Advance(), Step::Kind::kAsk);
  session_->TimedOut();
  ASSERT_EQ(Advance(), Step::Kind::kAborted);
  PostAll();
  EXPECT_TRUE(world_.envelopes.empty());
}

}  // namespace
}  // namespace postern
