// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/responder.h"

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/grammar/ip_address.h"
#include "gtest/gtest.h"

namespace postern {
namespace {

using Ready = absl::AnyInvocable<void() &&>;

// What the test's interfaces do, and what they have seen.
struct World {
  Verdict verdict = Verdict::Accept();  // for all questions but Connected
  bool later = false;                   // the policy answers later
  std::deque<Policy::Done> decisions;   // the pending answers
  // What the transaction answers about recipients. nullopt: later.
  std::optional<Verdict> recipient = Verdict::Accept();
  std::deque<Policy::Done> recipients_due;
  std::vector<std::string> recipients;  // of AddRecipient()
  std::vector<std::string> decided;     // calls of ResponderOptions::decided
  std::optional<Verdict> open = Verdict::Accept();  // nullopt: later
  Policy::Done open_due;
  std::optional<Verdict> commit = Verdict::Accept();  // nullopt: later
  bool full = false;                                  // Write() returns false

  int begun_transactions = 0;
  int open_transactions = 0;
  std::vector<std::string> envelopes;  // of Open()
  std::string content;                 // of the last transaction
  Ready ready;
  Policy::Done done;  // of a late Commit()
  std::vector<SharedSessionInfo> infos;

  std::vector<Verdict> each;  // what CommitEach() answers, unless empty

  std::optional<AuthAnswer>
      answer;                // the next one of an exchange; nullopt: later
  bool no_exchange = false;  // Begin() returns null, which is not allowed
  int open_exchanges = 0;
  std::vector<std::string> sasl;      // the calls of the exchanges
  AuthExchange::Done move_done;       // of a late move
  SharedSessionInfo begun;            // the facts passed to Begin()
  std::vector<std::string> refused;   // the calls of OnContentRefused()
  int replied = 0;                    // calls of MailTransaction::OnReplied()
  std::vector<std::string> reported;  // calls of ResponderOptions::refused
};

class TestPolicy : public Policy {
 public:
  explicit TestPolicy(World* world) : world_(*world) {}
  std::optional<Verdict> Decide(const Ask& ask,
                                const SharedSessionInfo& session,
                                Later later) override {
    EXPECT_FALSE(std::holds_alternative<BodyEnd>(ask.what));
    world_.infos.push_back(session);
    if (std::holds_alternative<Connected>(ask.what)) return Verdict::Accept();
    if (!world_.later) return world_.verdict;
    world_.decisions.push_back(later());
    return std::nullopt;
  }

 private:
  World& world_;
};

class TestTransaction : public MailTransaction {
 public:
  explicit TestTransaction(World* world) : world_(*world) {
    ++world_.begun_transactions;
    ++world_.open_transactions;
  }
  ~TestTransaction() override { --world_.open_transactions; }

  std::optional<Verdict> AddRecipient(const Rcpt& rcpt,
                                      Policy::Later later) override {
    world_.recipients.push_back(rcpt.to.Address());
    if (world_.recipient) return world_.recipient;
    world_.recipients_due.push_back(later());
    return std::nullopt;
  }
  std::optional<Verdict> Open(const Envelope& envelope,
                              Policy::Later later) override {
    EXPECT_FALSE(envelope.to.empty());
    std::string& line = world_.envelopes.emplace_back(envelope.from.Address());
    for (const Recipient& to : envelope.to) {
      absl::StrAppend(&line, " ", to.path.Address());
    }
    world_.content.clear();
    if (!world_.open) world_.open_due = later();
    return world_.open;
  }
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
  void OnReplied() override { ++world_.replied; }
  void CommitEach(EachDone done) override {
    if (world_.each.empty())
      return MailTransaction::CommitEach(std::move(done));
    std::move(done)(world_.each);
  }

 private:
  World& world_;
};

class TestExchange : public AuthExchange {
 public:
  explicit TestExchange(World* world) : world_(*world) {
    ++world_.open_exchanges;
  }
  ~TestExchange() override { --world_.open_exchanges; }

  void Start(std::optional<std::string> initial_response, Done done) override {
    Move(absl::StrCat("start ", initial_response.value_or("-")),
         std::move(done));
  }
  void Respond(std::string response, Done done) override {
    Move(absl::StrCat("respond ", response), std::move(done));
  }

 private:
  void Move(std::string told, Done done) {
    world_.sasl.push_back(std::move(told));
    if (world_.answer) return std::move(done)(*world_.answer);
    world_.move_done = std::move(done);
  }

  World& world_;
};

class TestAuthenticator : public Authenticator {
 public:
  explicit TestAuthenticator(World* world) : world_(*world) {}
  std::unique_ptr<AuthExchange> Begin(
      absl::string_view mechanism, const SharedSessionInfo& session) override {
    world_.sasl.push_back(absl::StrCat("begin ", mechanism));
    world_.begun = session;
    if (world_.no_exchange) return nullptr;
    return std::make_unique<TestExchange>(&world_);
  }

 private:
  World& world_;
};

class TestDelivery : public Delivery {
 public:
  explicit TestDelivery(World* world) : world_(*world) {}
  std::unique_ptr<MailTransaction> Begin(const Envelope& envelope,
                                         const SharedSessionInfo&) override {
    EXPECT_TRUE(envelope.to.empty());
    EXPECT_NE(envelope.message, 0);
    return std::make_unique<TestTransaction>(&world_);
  }
  void OnContentRefused(const Refusal& refusal,
                        const SessionInfo& info) override {
    EXPECT_EQ(info.hello_name, "c.example");
    EXPECT_EQ(refusal.message, 1);
    world_.refused.push_back(FormatReply(refusal.reply));
  }

 private:
  World& world_;
};

// A session, its responder, and a driver that gives posted answers only in
// PostAll().
class ResponderTest : public testing::Test {
 protected:
  ResponderTest()
      : policy_(&world_), delivery_(&world_), authenticator_(&world_) {
    config_.greeting = "mx";
    Restart();
  }
  // Begins another session, with config_ and info_ as they are now.
  void Restart() {
    responder_.reset();
    session_.emplace(config_);
    in_.clear();
    ResponderOptions options;
    options.policy = &policy_;
    options.delivery = &delivery_;
    options.authenticator = &authenticator_;
    options.client_changed = client_changed_;
    options.host_name = "host.example";
    options.refused = [this](const Refusal& refusal, const SessionInfo&) {
      world_.reported.push_back(
          absl::StrCat(refusal.command, ": ", refusal.reply.code));
    };
    options.decided = [this](const Ask& ask, const Verdict& verdict,
                             const SessionInfo&) {
      if (!std::holds_alternative<Rcpt>(ask.what)) return;
      world_.decided.push_back(
          absl::StrCat(std::get<Rcpt>(ask.what).to.Address(),
                       verdict.accepted() ? " yes " : " no ", verdict.rule(),
                       " ", verdict.path() ? verdict.path()->Address() : "-"));
    };
    options.stamp = [] {
      return TraceStamp{absl::FromUnixSeconds(1795290976), "q1"};
    };
    options.post = [this](PostedAnswer answer) {
      if (std::holds_alternative<TransactionReady>(answer.what)) {
        flowing_ = true;
      } else {
        posted_.push_back(std::move(answer));
      }
    };
    responder_.emplace(&*session_, std::move(options), info_);
  }
  // What the interfaces still hold must not outlive world_.
  ~ResponderTest() override { responder_.reset(); }

  // Takes one step and passes it to the responder.
  Step::Kind Advance() {
    const Step step = session_->Advance(in_);
    responder_->OnAdvanced();
    if (step.kind == Step::Kind::kAsk) responder_->OnAsk(*step.ask);
    if (step.kind == Step::Kind::kAborted) responder_->OnAborted();
    if (step.kind == Step::Kind::kStartTls) {
      responder_->TlsStarted({"TLSv1.3", "TLS_X", "CN=proxy"});
    }
    if (step.kind == Step::Kind::kBody) {
      flowing_ = responder_->OnBody(step.body);
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
  // Sends `bytes` and continues until nothing changes. Returns the replies.
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
  TestAuthenticator authenticator_;
  ServerConfig config_;
  SessionInfo info_;
  std::function<void(const SharedSessionInfo&, ResponderOptions::ClientFound)>
      client_changed_;
  std::optional<ServerSession> session_;
  std::deque<PostedAnswer> posted_;
  std::optional<Responder> responder_;
  std::string in_;
  bool flowing_ = true;
};

constexpr absl::string_view kEnvelope =
    "EHLO c.example\r\nMAIL FROM:<s@x>\r\nRCPT TO:<a@d>\r\nRCPT TO:<b@d>\r\n";

TEST_F(ResponderTest, PassesAMessageToItsTransactionAfterAReceivedField) {
  Feed(kEnvelope);
  EXPECT_EQ(Feed("DATA\r\n"), "354 go ahead\r\n");
  EXPECT_EQ(world_.open_transactions, 1);
  EXPECT_EQ(Feed("hi\r\n.\r\n"), "250 2.0.0 ok\r\n");
  EXPECT_EQ(world_.envelopes, std::vector<std::string>{"s@x a@d b@d"});
  EXPECT_EQ(world_.content,
            "Received: from c.example (unknown)\r\n"
            "\tby host.example with ESMTP id q1;\r\n"
            "\tSat, 21 Nov 2026 19:56:16 +0000\r\nhi\r\n");
  EXPECT_EQ(world_.open_transactions, 0);
}

TEST_F(ResponderTest, AddsTheHeaderFieldsOfThePolicyAboveTheReceivedField) {
  Feed("EHLO c.example\r\n");
  world_.verdict = Verdict::Accept().AddHeader("A: mail\r\n");
  Feed("MAIL FROM:<s@x>\r\n");
  world_.verdict = Verdict::Accept().AddHeader("B: 1\r\n\t2\r\nC: 3\r\n");
  Feed("RCPT TO:<a@d>\r\n");
  // Another recipient with a field that is not new. RCPT of refused ones has
  // no effect on the message.
  world_.verdict = Verdict::Accept().AddHeader("C: 3\r\nB: 1\r\n");
  Feed("RCPT TO:<b@d>\r\n");
  world_.recipient = Verdict::Refuse({550, {5, 1, 1}, "no mailbox"});
  world_.verdict = Verdict::Accept().AddHeader("D: refused\r\n");
  EXPECT_EQ(Feed("RCPT TO:<c@d>\r\n"), "550 5.1.1 no mailbox\r\n");
  world_.verdict = Verdict::Accept().AddHeader("E: data\r\n");
  EXPECT_EQ(Feed("DATA\r\nhi\r\n.\r\n"), "354 go ahead\r\n250 2.0.0 ok\r\n");
  EXPECT_TRUE(
      absl::StartsWith(world_.content,
                       "A: mail\r\nB: 1\r\n\t2\r\nC: 3\r\nB: 1\r\nE: data\r\n"
                       "Received: from c.example"))
      << world_.content;
  EXPECT_FALSE(absl::StrContains(world_.content, "D:"));
  // The next message has none of these fields.
  world_.recipient = world_.verdict = Verdict::Accept();
  Feed("MAIL FROM:<s@x>\r\nRCPT TO:<a@d>\r\nDATA\r\nhi\r\n.\r\n");
  EXPECT_TRUE(absl::StartsWith(world_.content, "Received: "));
}

TEST_F(ResponderTest, AddsTheHeaderFieldsOfALateAnswer) {
  Feed("EHLO c.example\r\nMAIL FROM:<s@x>\r\n");
  world_.later = true;
  world_.recipient = std::nullopt;
  Feed("RCPT TO:<a@d>\r\n");
  std::move(world_.decisions.front())(
      Verdict::Accept().AddHeader("A: late\r\n"));
  Feed("");
  std::move(world_.recipients_due.front())(Verdict::Accept());
  EXPECT_EQ(Feed(""), "250 2.1.5 ok\r\n");
  world_.later = false;
  Feed("DATA\r\nhi\r\n.\r\n");
  EXPECT_TRUE(absl::StartsWith(world_.content, "A: late\r\nReceived: "));
}

// The order of the fields is that of the commands, not of the answers.
TEST_F(ResponderTest, AddedHeaderFieldsKeepTheOrderOfTheCommands) {
  config_.max_open_asks = 3;
  Restart();
  Feed("EHLO c.example\r\nMAIL FROM:<s@x>\r\n");
  world_.later = true;
  Feed("RCPT TO:<a@d>\r\nRCPT TO:<b@d>\r\n");
  ASSERT_EQ(world_.decisions.size(), 2u);
  std::move(world_.decisions[1])(Verdict::Accept().AddHeader("B: 2\r\n"));
  Feed("");
  std::move(world_.decisions[0])(Verdict::Accept().AddHeader("A: 1\r\n"));
  Feed("");
  world_.later = false;
  Feed("DATA\r\nhi\r\n.\r\n");
  EXPECT_TRUE(absl::StartsWith(world_.content, "A: 1\r\nB: 2\r\nReceived: "))
      << world_.content;
}

TEST_F(ResponderTest, HeaderFieldsThatDoNotFitAreALocalError) {
  Feed("EHLO c.example\r\nMAIL FROM:<s@x>\r\n");
  for (const absl::string_view fields :
       {"A: 1", "A: 1\r\n\r\n", "A: 1\nB: 2\r\n", "A\r\n"}) {
    world_.verdict = Verdict::Accept().AddHeader(fields);
    EXPECT_EQ(Feed("RCPT TO:<a@d>\r\n"), "451 4.3.0 local error (#4.3.0)\r\n")
        << fields;
  }
  world_.verdict = Verdict::Accept().AddHeader("A: 1\r\n");
  EXPECT_EQ(Feed("VRFY a\r\n"), "451 4.3.0 local error (#4.3.0)\r\n");
}

TEST_F(ResponderTest, AddedHeaderFieldsHaveALimit) {
  Feed("EHLO c.example\r\nMAIL FROM:<s@x>\r\n");
  std::string reply;
  int accepted = 0;
  do {
    world_.verdict = Verdict::Accept().AddHeader(
        absl::StrCat("A: ", accepted, std::string(990, 'x'), "\r\n"));
    reply = Feed("RCPT TO:<a@d>\r\n");
  } while (reply == "250 2.1.5 ok\r\n" && ++accepted < 1000);
  EXPECT_EQ(reply,
            "452 4.5.3 too many header fields for one message (#4.5.3)\r\n");
  EXPECT_EQ(accepted, static_cast<int>(kMaxAddedHeader / 996 + 1));
  // Another transaction begins without them.
  Feed("RSET\r\nMAIL FROM:<s@x>\r\n");
  EXPECT_EQ(Feed("RCPT TO:<a@d>\r\n"), "250 2.1.5 ok\r\n");
}

TEST_F(ResponderTest, FactsHaveTheHelloNameOnceItIsAccepted) {
  Feed("EHLO c.example\r\n");
  EXPECT_EQ(world_.infos.back()->hello_name, "");  // not before the answer
  EXPECT_EQ(responder_->info()->hello_name, "c.example");
  EXPECT_EQ(responder_->info()->hello_verb, Hello::Verb::kEhlo);
  const SharedSessionInfo before = responder_->info();
  Feed("HELO d.example\r\n");
  EXPECT_EQ(before->hello_name, "c.example");  // a snapshot does not change
  EXPECT_EQ(responder_->info()->hello_name, "d.example");
  EXPECT_EQ(responder_->info()->hello_verb, Hello::Verb::kHelo);
  world_.verdict = Verdict::Refuse({550, {}, "no"});
  Feed("EHLO e.example\r\n");
  EXPECT_EQ(responder_->info()->hello_name, "d.example");
}

// A policy cannot choose the reply to EHLO. The client gets a local error, and
// the facts have nothing from a greeting that was refused.
TEST_F(ResponderTest, IgnoresAHelloWhoseAnswerDidNotFit) {
  world_.verdict = Verdict::Accept(Reply{250, {}, "hello"});
  EXPECT_EQ(Feed("EHLO c.example\r\n"),
            "220 mx ESMTP\r\n451 4.3.0 local error (#4.3.0)\r\n");
  EXPECT_EQ(responder_->info()->hello_name, "");
}

TEST_F(ResponderTest, AnswersAPolicysMistakeWithALocalError) {
  Feed("EHLO c\r\n");
  world_.verdict = Verdict::Refuse({250, {}, "what"});
  EXPECT_EQ(Feed("MAIL FROM:<s@x>\r\n"), "451 4.3.0 local error (#4.3.0)\r\n");
}

TEST_F(ResponderTest, OpensNoTransactionForARefusedBody) {
  Feed(kEnvelope);
  world_.verdict = Verdict::Refuse({451, {4, 3, 0}, "not now"});
  EXPECT_EQ(Feed("DATA\r\n"), "451 4.3.0 not now\r\n");
  EXPECT_TRUE(world_.envelopes.empty());
}

TEST_F(ResponderTest, RefusesABodyThatTheDeliveryRefuses) {
  Feed(kEnvelope);
  world_.open = Verdict::Refuse({452, {4, 3, 1}, "disk full"});
  EXPECT_EQ(Feed("DATA\r\n"), "452 4.3.1 disk full\r\n");
  EXPECT_EQ(world_.replied, 1);
  EXPECT_EQ(world_.open_transactions, 0);
  EXPECT_EQ(Feed("RCPT TO:<c@d>\r\n"), "503 5.5.1 MAIL first (#5.5.1)\r\n");
}

// The client waits for the reply to DATA or to the first chunk until the
// transaction has answered.
TEST_F(ResponderTest, ContentWaitsForATransactionThatOpensLater) {
  for (const bool accepts : {true, false}) {
    for (const absl::string_view command :
         {"DATA\r\n", "BDAT 3 LAST\r\nx\r\n"}) {
      responder_.reset();
      world_ = World();
      Restart();
      Feed(kEnvelope);
      world_.open.reset();
      EXPECT_EQ(Feed(command), "");
      EXPECT_EQ(world_.content, "");  // not even the Received field
      // An acceptance cannot choose the reply.
      Verdict answer = accepts ? Verdict::Accept(Reply{250, {}, "go"})
                               : Verdict::Refuse({552, {5, 3, 4}, "too large"});
      std::move(world_.open_due)(std::move(answer));
      const bool data = command[0] == 'D';
      if (accepts) {
        EXPECT_EQ(Feed(""), data ? "354 go ahead\r\n" : "250 2.0.0 ok\r\n");
        EXPECT_TRUE(absl::StartsWith(world_.content, "Received: "));
        if (data) {
          EXPECT_EQ(Feed("x\r\n.\r\n"), "250 2.0.0 ok\r\n");
        }
        EXPECT_TRUE(absl::EndsWith(world_.content, "\r\nx\r\n"));
      } else {
        EXPECT_EQ(Feed(""), "552 5.3.4 too large\r\n");
        EXPECT_EQ(world_.content, "");
      }
      EXPECT_EQ(world_.replied, 1);
      EXPECT_EQ(world_.open_transactions, 0);
      EXPECT_EQ(Feed("MAIL FROM:<s@x>\r\n"), "250 2.1.0 ok\r\n");
    }
  }
}

TEST_F(ResponderTest, TransactionThatOpensLateAndIsFullWaitsOnce) {
  Feed(kEnvelope);
  world_.open.reset();
  world_.full = true;
  EXPECT_EQ(Feed("DATA\r\n"), "");
  std::move(world_.open_due)(Verdict::Accept());
  PostAll();
  EXPECT_EQ(TakeOutput(), "");
  const std::string received = world_.content;
  std::move(world_.ready)();
  PostAll();
  EXPECT_EQ(TakeOutput(), "354 go ahead\r\n");
  EXPECT_EQ(world_.content, received);
}

// The transaction lives until its answer, which then has no effect.
TEST_F(ResponderTest, SessionThatEndsBeforeTheTransactionOpens) {
  Feed(kEnvelope);
  world_.open.reset();
  EXPECT_EQ(Feed("DATA\r\n"), "");
  session_->TimedOut();
  Feed("");
  EXPECT_EQ(world_.open_transactions, 1);
  std::move(world_.open_due)(Verdict::Accept());
  PostAll();
  EXPECT_EQ(world_.open_transactions, 0);
  EXPECT_EQ(world_.content, "");
  EXPECT_EQ(world_.replied, 0);
}

TEST_F(ResponderTest, RepliesWithTheTransactionsVerdict) {
  Feed(kEnvelope);
  world_.commit = Verdict::Refuse({554, {5, 3, 0}, "no"});
  EXPECT_EQ(Feed("DATA\r\n.\r\n"), "354 go ahead\r\n554 5.3.0 no\r\n");
  EXPECT_EQ(world_.open_transactions, 0);
}

TEST_F(ResponderTest, DiscardsTheTransactionOfAnAbortedMessage) {
  Feed(kEnvelope);
  Feed("DATA\r\nhalf");
  EXPECT_EQ(world_.open_transactions, 1);
  Feed(" bad\n");
  EXPECT_EQ(world_.open_transactions, 0);
  Feed("\r\n.\r\n");
  EXPECT_EQ(Feed("MAIL FROM:<s@x>\r\nRCPT TO:<u@d>\r\nDATA\r\nnew\r\n.\r\n"),
            "250 2.1.0 ok\r\n250 2.1.5 ok\r\n354 go ahead\r\n250 2.0.0 ok\r\n");
  EXPECT_FALSE(absl::StrContains(world_.content, "half"));
}

TEST_F(ResponderTest, WaitsWhenTheTransactionIsFullAfterTheReceivedField) {
  Feed(kEnvelope);
  world_.full = true;
  EXPECT_EQ(Feed("DATA\r\n"), "");
  EXPECT_EQ(world_.open_transactions, 1);
  world_.full = false;
  std::move(world_.ready)();
  PostAll();
  EXPECT_EQ(TakeOutput(), "354 go ahead\r\n");
  EXPECT_EQ(world_.open_transactions, 1);
  EXPECT_EQ(Feed(".\r\n"), "250 2.0.0 ok\r\n");
}

TEST_F(ResponderTest, StopsContentWhileTheTransactionIsFull) {
  Feed(kEnvelope);
  Feed("DATA\r\n");
  world_.full = true;
  Feed("text\r\n");
  EXPECT_FALSE(flowing_);
  std::move(world_.ready)();
  EXPECT_TRUE(flowing_);
}

TEST_F(ResponderTest, KeepsACommittingTransactionUntilItAnswers) {
  Feed(kEnvelope);
  world_.commit.reset();
  EXPECT_EQ(Feed("DATA\r\n.\r\n"), "354 go ahead\r\n");
  session_->TimedOut();
  Feed("");
  responder_.reset();  // the connection is closed
  EXPECT_EQ(world_.open_transactions, 1);
  std::move(world_.done)(Verdict::Accept());
  world_.done = nullptr;
  posted_.clear();  // a driver drops answers for a closed connection
  EXPECT_EQ(world_.open_transactions, 0);
  EXPECT_EQ(world_.replied, 0);
}

TEST_F(ResponderTest, OnRepliedIsCalledWhenTheClientHasItsReply) {
  Feed(kEnvelope);
  Feed("DATA\r\n.\r\n");
  EXPECT_EQ(world_.replied, 1);
  Feed(kEnvelope);
  world_.commit.reset();
  Feed("DATA\r\n.\r\n");
  session_->TimedOut();
  std::move(world_.done)(Verdict::Accept());
  PostAll();  // too late
  EXPECT_EQ(world_.replied, 1);
}

// An answer to BodyBegin may still arrive between the end of a transaction and
// its kAborted.
TEST_F(ResponderTest, OpensNoTransactionThatIsOver) {
  Feed(kEnvelope);
  world_.later = true;
  in_ = "DATA\r\n";
  ASSERT_EQ(Advance(), Step::Kind::kAsk);
  ASSERT_EQ(world_.decisions.size(), 1u);
  std::move(world_.decisions[0])(Verdict::Accept());
  session_->TimedOut();
  PostAll();
  EXPECT_TRUE(world_.envelopes.empty());
  EXPECT_EQ(Advance(), Step::Kind::kAborted);
  EXPECT_EQ(world_.open_transactions, 0);
  EXPECT_EQ(Advance(), Step::Kind::kClosed);
}

TEST_F(ResponderTest, OpensNoTransactionForALateAnswer) {
  Feed(kEnvelope);
  world_.later = true;
  in_ = "DATA\r\n";
  ASSERT_EQ(Advance(), Step::Kind::kAsk);
  session_->TimedOut();
  ASSERT_EQ(Advance(), Step::Kind::kAborted);
  std::move(world_.decisions[0])(Verdict::Accept());
  PostAll();
  EXPECT_TRUE(world_.envelopes.empty());
}

// A policy cannot choose the text of the 354. The next message must not go to
// that transaction.
TEST_F(ResponderTest, DiscardsATransactionWhoseAcceptanceDidNotFit) {
  for (absl::string_view begin : {"DATA\r\n", "BDAT 3\r\nabc"}) {
    Restart();
    world_ = World();
    Feed(kEnvelope);
    world_.verdict = Verdict::Accept(Reply{250, {}, "send it"});
    EXPECT_EQ(Feed(begin), "451 4.3.0 local error (#4.3.0)\r\n");
    EXPECT_EQ(world_.open_transactions, 0) << begin;
    world_.verdict = Verdict::Accept();
    Feed("RSET\r\nMAIL FROM:<t@y>\r\nRCPT TO:<other@e>\r\n");
    EXPECT_EQ(Feed("DATA\r\nhi\r\n.\r\n"), "354 go ahead\r\n250 2.0.0 ok\r\n");
    EXPECT_EQ(world_.envelopes, std::vector<std::string>{"t@y other@e"});
  }
}

// The policy's setting for bare newlines is kept if the transaction is full
// after its first field.
TEST_F(ResponderTest, NormalizesBareNewlinesIfThePolicySaysSo) {
  for (const bool full : {false, true}) {
    Restart();
    Feed(kEnvelope);
    world_.verdict = Verdict::AcceptWith(BareNewlines::kNormalize);
    world_.full = full;
    Feed("DATA\r\n");
    world_.full = false;
    if (full) std::move(world_.ready)();
    PostAll();
    TakeOutput();
    EXPECT_EQ(Feed("a\nb\r\n.\r\n"), "250 2.0.0 ok\r\n");
    EXPECT_TRUE(absl::EndsWith(world_.content, "\r\na\r\nb\r\n"));
    world_.verdict = Verdict::Accept();
  }
}

TEST_F(ResponderTest, ReportsContentThatTheEngineRefuses) {
  Feed(kEnvelope);
  Feed("DATA\r\na\nb\r\n.\r\n");
  ASSERT_EQ(world_.refused.size(), 1u);
  EXPECT_TRUE(absl::StartsWith(world_.refused[0], "554 5.5.2 bare LF"));
  Feed("MAIL FROM:<s@x>\r\nRSET\r\n");  // aborted by the client
  EXPECT_EQ(world_.refused.size(), 1u);
}

TEST_F(ResponderTest, ReportsRefusalsOfTheSessionItself) {
  Feed("EHLO c.example\r\nDATA\r\nMAIL FROM:<s@x>\r\n");
  world_.verdict = Verdict::Refuse({550, {5, 1, 1}, "no"});
  Feed("RCPT TO:<u@d>\r\nRCPT TO:<u@d> X=1\r\n");
  // The answer does not fit, so the client gets another reply.
  world_.verdict = Verdict::Refuse({250, {}, "no"});
  EXPECT_TRUE(absl::StartsWith(Feed("RCPT TO:<u@d>\r\n"), "451 4.3.0 "));
  EXPECT_EQ(world_.reported,
            (std::vector<std::string>{"DATA: 503", "RCPT TO:<u@d> X=1: 555",
                                      ": 451"}));
  world_.verdict = Verdict::Accept();
}

TEST_F(ResponderTest, FactsHaveTheClientsViolations) {
  Feed("NOOP\r\nEHLO c\r\n");
  EXPECT_TRUE(world_.infos.back()->violations.pipelining);
  EXPECT_FALSE(world_.infos.front()->violations.pipelining);
  EXPECT_FALSE(world_.infos.back()->violations.early_talk);
}

TEST_F(ResponderTest, GivesEachLmtpRecipientItsVerdict) {
  config_.lmtp = true;
  Restart();
  Feed("LHLO c\r\nMAIL FROM:<s@x>\r\nRCPT TO:<a@d>\r\nRCPT TO:<b@d>\r\n");
  world_.each = {Verdict::Accept(),
                 Verdict::Refuse({552, {5, 2, 2}, "mailbox full"})};
  EXPECT_EQ(Feed("DATA\r\n.\r\n"),
            "354 go ahead\r\n250 2.0.0 ok\r\n552 5.2.2 mailbox full\r\n");
  EXPECT_EQ(world_.open_transactions, 0);
  EXPECT_EQ(responder_->info()->hello_verb, Hello::Verb::kLhlo);
}

TEST_F(ResponderTest, GivesAllLmtpRecipientsOneVerdict) {
  config_.lmtp = true;
  Restart();
  Feed("LHLO c\r\nMAIL FROM:<s@x>\r\nRCPT TO:<a@d>\r\nRCPT TO:<b@d>\r\n");
  world_.commit = Verdict::Refuse({451, {4, 3, 0}, "later"});
  EXPECT_EQ(Feed("DATA\r\n.\r\n"),
            "354 go ahead\r\n451 4.3.0 later\r\n451 4.3.0 later\r\n");
}

TEST_F(ResponderTest, AnswersLmtpVerdictsThatDoNotFitWithLocalErrors) {
  config_.lmtp = true;
  const std::vector<Verdict> rows[] = {
      std::vector<Verdict>(3, Verdict::Accept()),
      {Verdict::Accept(), Verdict::Refuse({250, {}, "what"})},
      {Verdict::Accept(Reply{550, {}, "what"})},
  };
  for (const std::vector<Verdict>& row : rows) {
    Restart();
    Feed("LHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<a@d>\r\nRCPT TO:<b@d>\r\n");
    world_.each = row;
    EXPECT_EQ(Feed("DATA\r\n.\r\n"),
              "354 go ahead\r\n451 4.3.0 local error (#4.3.0)\r\n"
              "451 4.3.0 local error (#4.3.0)\r\n");
  }
}

TEST_F(ResponderTest, RunsAnExchangeAndDestroysIt) {
  config_.mechanisms_without_tls = {"LOGIN"};
  Restart();
  Feed("EHLO c\r\n");
  world_.answer = AuthChallenge{"User Name"};
  EXPECT_EQ(Feed("AUTH login\r\n"), "334 VXNlciBOYW1l\r\n");
  EXPECT_EQ(world_.begun, responder_->info());
  EXPECT_EQ(world_.open_exchanges, 1);
  world_.answer = AuthGranted{"someone"};
  EXPECT_EQ(Feed("dXNlcg==\r\n"), "235 2.7.0 ok\r\n");
  EXPECT_EQ(world_.open_exchanges, 0);
  EXPECT_EQ(world_.sasl, (std::vector<std::string>{"begin LOGIN", "start -",
                                                   "respond user"}));
  EXPECT_EQ(responder_->info()->identity, "someone");
  EXPECT_EQ(responder_->info()->mechanism, "LOGIN");
  world_.verdict = Verdict::Accept();
  Feed("MAIL FROM:<s@x>\r\n");
  EXPECT_EQ(world_.infos.back()->identity, "someone");
}

// However an exchange ends, nothing of it is left.
TEST_F(ResponderTest, DestroysAnExchangeThatFails) {
  struct Row {
    AuthAnswer answer;       // to the response
    absl::string_view line;  // the response
    absl::string_view reply;
  };
  const Row rows[] = {
      {Verdict::Refuse({535, {5, 7, 8}, "wrong"}), "dXNlcg==\r\n",
       "535 5.7.8 wrong\r\n"},
      {Verdict::Drop({421, {4, 7, 0}, "go"}), "dXNlcg==\r\n",
       "421 4.7.0 go\r\n"},
      {Verdict::Accept(), "dXNlcg==\r\n", "451 4.3.0 local error (#4.3.0)\r\n"},
      {AuthGranted{""}, "dXNlcg==\r\n",
       "454 4.7.0 cannot authenticate for now (#4.7.0)\r\n"},
      {AuthChallenge{std::string(9217, 'x')}, "dXNlcg==\r\n",
       "454 4.7.0 cannot authenticate for now (#4.7.0)\r\n"},
      {AuthGranted{"u"}, "*\r\n",
       "501 5.7.0 authentication cancelled (#5.7.0)\r\n"},
      {AuthGranted{"u"}, "?\r\n", "501 5.5.2 bad base64 (#5.5.2)\r\n"},
  };
  config_.mechanisms_without_tls = {"LOGIN"};
  for (const Row& row : rows) {
    Restart();
    Feed("EHLO c\r\n");
    world_.answer = AuthChallenge{""};
    EXPECT_EQ(Feed("AUTH LOGIN\r\n"), "334 \r\n");
    world_.answer = row.answer;
    EXPECT_EQ(Feed(row.line), row.reply);
    EXPECT_EQ(world_.open_exchanges, 0) << row.reply;
    EXPECT_EQ(responder_->info()->identity, "");
  }
}

TEST_F(ResponderTest, CannotAuthenticateWithoutAnExchange) {
  config_.mechanisms_without_tls = {"PLAIN"};
  Restart();
  world_.no_exchange = true;
  Feed("EHLO c\r\n");
  EXPECT_EQ(Feed("AUTH PLAIN =\r\n"),
            "454 4.7.0 cannot authenticate for now (#4.7.0)\r\n");
}

// RFC 4954 4: the client may cancel, or disconnect, while the server decides.
// The exchange lives until it has answered.
TEST_F(ResponderTest, KeepsAnExchangeUntilItAnswers) {
  config_.mechanisms_without_tls = {"PLAIN"};
  Restart();
  Feed("EHLO c\r\n");
  EXPECT_EQ(Feed("AUTH PLAIN =\r\n"), "");
  session_->TimedOut();
  EXPECT_EQ(Feed(""), "421 4.4.2 timeout (#4.4.2)\r\n");
  EXPECT_EQ(world_.open_exchanges, 1);
  responder_.reset();
  EXPECT_EQ(world_.open_exchanges, 1);
  std::move(world_.move_done)(AuthGranted{"u"});
  world_.move_done = nullptr;
  EXPECT_EQ(world_.open_exchanges, 0);
}

TEST_F(ResponderTest, ForgetsAfterStartTlsWhatWasSentWithoutTls) {
  config_.offer_starttls = true;
  config_.mechanisms_without_tls = {"PLAIN"};
  Restart();
  world_.answer = AuthGranted{"someone"};
  Feed("EHLO c\r\n");
  Feed("AUTH PLAIN =\r\n");
  EXPECT_EQ(responder_->info()->identity, "someone");
  EXPECT_EQ(Feed("STARTTLS\r\n"), "220 2.0.0 ready\r\n");
  EXPECT_EQ(responder_->info()->identity, "");
  EXPECT_EQ(responder_->info()->mechanism, "");
  EXPECT_EQ(responder_->info()->hello_name, "");
  ASSERT_NE(responder_->info()->tls, nullptr);
  EXPECT_EQ(responder_->info()->tls->cipher, "TLS_X");
}

// The facts after XCLIENT, from a proxy of which everything is known.
TEST_F(ResponderTest, FactsAfterXClientDescribeTheProxysClient) {
  struct Row {
    absl::string_view xclient;
    absl::string_view facts;  // see below
  };
  constexpr Row kRows[] = {
      {"ADDR=192.0.2.7", "[192.0.2.7]:0 '' 0 to 198.51.100.1:25 HELO ''"},
      {"ADDR=192.0.2.7 PORT=4711 NAME=c.example",
       "[192.0.2.7]:4711 'c.example' 2 to 198.51.100.1:25 HELO ''"},
      {"ADDR=IPV6:2001:db8::1 NAME=[TEMPUNAVAIL]",
       "[2001:db8::1]:0 '' 3 to 198.51.100.1:25 HELO ''"},
      {"ADDR=[UNAVAILABLE] PORT=[UNAVAILABLE] NAME=[UNAVAILABLE]",
       "[]:0 '' 0 to 198.51.100.1:25 HELO ''"},
      {"NAME=c.example",
       "[203.0.113.9]:99 'c.example' 2 to 198.51.100.1:25 HELO ''"},
      {"PORT=4711", "[203.0.113.9]:4711 'proxy' 2 to 198.51.100.1:25 HELO ''"},
      {"HELO=c PROTO=ESMTP",
       "[203.0.113.9]:99 'proxy' 2 to 198.51.100.1:25 EHLO 'c'"},
      {"HELO=c PROTO=SMTP",
       "[203.0.113.9]:99 'proxy' 2 to 198.51.100.1:25 HELO 'c'"},
      {"HELO=[UNAVAILABLE] DESTADDR=198.51.100.2 DESTPORT=587",
       "[203.0.113.9]:99 'proxy' 2 to 198.51.100.2:587 HELO ''"},
      {"LOGIN=someone",
       "[203.0.113.9]:99 'proxy' 2 to 198.51.100.1:25 HELO '' someone"},
  };
  info_.remote_address = IpAddress::Parse("203.0.113.9");
  info_.remote_port = 99;
  info_.remote_name = "proxy";
  info_.name_status = NameStatus::kConfirmed;
  info_.remote_info.emplace("root");
  info_.relay_client.emplace("");
  info_.environment = {{"COLOUR", "blue"}};
  info_.local_address = IpAddress::Parse("198.51.100.1");
  info_.local_port = 25;
  config_.xclient = true;
  for (const Row& row : kRows) {
    Restart();
    Feed("EHLO proxy.example\r\n");
    EXPECT_EQ(Feed(absl::StrCat("XCLIENT ", row.xclient, "\r\n")),
              "220 mx ESMTP\r\n");
    const SessionInfo& info = *world_.infos.back();  // when the policy is asked
    const bool esmtp = info.hello_verb == Hello::Verb::kEhlo;
    EXPECT_EQ(absl::StrCat("[", ToString(info.remote_address),
                           "]:", info.remote_port, " '", info.remote_name, "' ",
                           static_cast<int>(info.name_status), " to ",
                           ToString(info.local_address), ":", info.local_port,
                           esmtp ? " EHLO '" : " HELO '", info.hello_name, "'",
                           info.identity.empty() ? "" : " ", info.identity),
              row.facts)
        << row.xclient;
    EXPECT_FALSE(info.relay_client || info.remote_info);
    EXPECT_TRUE(info.environment.empty());
  }
}

TEST_F(ResponderTest, RulesCanGrantRelayingToAProxysClient) {
  config_.xclient = true;
  client_changed_ = [](const SharedSessionInfo& client,
                       ResponderOptions::ClientFound found) {
    EXPECT_FALSE(client->relay_client);
    std::move(found)(
        FactsChange([address = client->remote_address](SessionInfo& info) {
          EXPECT_EQ(info.remote_address, address);
          if (address == IpAddress::Parse("192.0.2.7"))
            info.relay_client.emplace("@x");
        }));
  };
  Restart();
  Feed("");
  EXPECT_EQ(Feed("XCLIENT ADDR=192.0.2.7\r\n"), "220 mx ESMTP\r\n");
  EXPECT_EQ(world_.infos.back()->relay_client, "@x");
  Feed("XCLIENT ADDR=192.0.2.8\r\n");
  EXPECT_EQ(world_.infos.back()->relay_client, std::nullopt);
}

TEST_F(ResponderTest, AProxysClientWaitsForWhatRulesSay) {
  config_.xclient = true;
  std::vector<ResponderOptions::ClientFound> waiting;
  client_changed_ = [&waiting](const SharedSessionInfo&,
                               ResponderOptions::ClientFound found) {
    waiting.push_back(std::move(found));
  };
  Restart();
  Feed("");
  const size_t asked = world_.infos.size();
  EXPECT_EQ(Feed("XCLIENT ADDR=192.0.2.7\r\n"), "");
  ASSERT_EQ(waiting.size(), 1u);
  EXPECT_EQ(world_.infos.size(), asked);  // the policy is asked after it
  std::move(waiting[0])(
      FactsChange([](SessionInfo& info) { info.denied = true; }));
  EXPECT_EQ(Feed(""), "220 mx ESMTP\r\n");
  EXPECT_TRUE(world_.infos.back()->denied);

  // A refusal is the answer, and the policy is not asked at all.
  const size_t before = world_.infos.size();
  Feed("XCLIENT ADDR=192.0.2.8\r\n");
  std::move(waiting[1])(Verdict::Drop({421, {4, 3, 0}, "no rules"}));
  EXPECT_EQ(Feed(""), "421 4.3.0 no rules\r\n");
  EXPECT_EQ(world_.infos.size(), before);

  // The session may be over by then.
  Restart();
  Feed("XCLIENT ADDR=192.0.2.9\r\n");
  session_->TimedOut();
  std::move(waiting[2])(FactsChange([](SessionInfo&) { FAIL(); }));
  Feed("");
  EXPECT_EQ(world_.infos.back()->remote_address, std::nullopt);
}

TEST_F(ResponderTest, LoginIsServedWhereItIsWanted) {
  config_.xclient = true;
  config_.xclient_login = false;
  Restart();
  EXPECT_TRUE(absl::StrContains(
      Feed("EHLO p\r\n"),
      "XCLIENT NAME ADDR PORT PROTO HELO DESTADDR DESTPORT\r\n"));
  EXPECT_EQ(Feed("XCLIENT LOGIN=someone ADDR=192.0.2.7\r\n"),
            "501 5.5.4 no LOGIN in XCLIENT here (#5.5.4)\r\n");
  EXPECT_EQ(responder_->info()->remote_address, std::nullopt);
  EXPECT_EQ(Feed("XCLIENT LOGIN=[UNAVAILABLE] ADDR=192.0.2.7\r\n"),
            "220 mx ESMTP\r\n");
  EXPECT_EQ(responder_->info()->identity, "");
}

// The certificate is the proxy's. Its client must not authenticate with it by
// EXTERNAL.
TEST_F(ResponderTest, AProxysClientHasNoCertificate) {
  config_.xclient = true;
  config_.offer_starttls = true;
  config_.mechanisms = {"EXTERNAL", "PLAIN"};
  Restart();
  Feed("STARTTLS\r\n");
  EXPECT_TRUE(absl::StrContains(Feed("EHLO p\r\n"), "AUTH EXTERNAL PLAIN"));
  EXPECT_EQ(responder_->info()->tls->peer_subject, "CN=proxy");
  Feed("XCLIENT ADDR=192.0.2.7\r\n");
  EXPECT_EQ(world_.infos.back()->tls->peer_subject, "");
  EXPECT_EQ(world_.infos.back()->tls->cipher, "TLS_X");
  EXPECT_TRUE(absl::StrContains(Feed("EHLO c\r\n"), "AUTH PLAIN\r\n"));
  EXPECT_TRUE(absl::StartsWith(Feed("AUTH EXTERNAL =\r\n"), "504 5.5.4 "));
}

// An interface that answers at once needs no post() through the driver.
TEST_F(ResponderTest, GivesImmediateAnswersAtOnce) {
  in_ = std::string(kEnvelope) + "RSET\r\n";
  while (Advance() != Step::Kind::kNeedInput) EXPECT_TRUE(posted_.empty());
  EXPECT_TRUE(absl::EndsWith(TakeOutput(),
                             "250 2.1.0 ok\r\n250 2.1.5 ok\r\n"
                             "250 2.1.5 ok\r\n250 2.0.0 flushed\r\n"));
}

TEST_F(ResponderTest, ATransactionLastsFromMailToItsEnd) {
  Feed("EHLO c.example\r\n");
  EXPECT_EQ(world_.begun_transactions, 0);
  Feed("MAIL FROM:<s@x>\r\n");
  EXPECT_EQ(world_.open_transactions, 1);
  for (absl::string_view end : {"RSET\r\n", "EHLO c.example\r\n"}) {
    Feed(end);
    EXPECT_EQ(world_.open_transactions, 0) << end;
    Feed("MAIL FROM:<s@x>\r\n");
  }
  EXPECT_EQ(world_.begun_transactions, 3);
  Feed("QUIT\r\n");
  EXPECT_EQ(world_.open_transactions, 0);
  Restart();
  world_.verdict = Verdict::Refuse({550, {}, "no"});
  Feed("HELO c\r\nMAIL FROM:<s@x>\r\n");
  EXPECT_EQ(world_.begun_transactions, 3);
}

TEST_F(ResponderTest, AsksTheTransactionAboutRecipientsThatThePolicyAccepts) {
  Feed("EHLO c.example\r\nMAIL FROM:<s@x>\r\n");
  world_.verdict = Verdict::AcceptAs({"a", "renamed"}).By("rule");
  EXPECT_EQ(Feed("RCPT TO:<a@d>\r\n"), "250 2.1.5 ok\r\n");
  world_.recipient = Verdict::Accept({251, {2, 1, 5}, "forwarded"});
  EXPECT_EQ(Feed("RCPT TO:<b@d>\r\n"), "251 2.1.5 forwarded\r\n");
  world_.recipient = Verdict::Refuse({550, {5, 1, 1}, "no mailbox"}).By("box");
  EXPECT_EQ(Feed("RCPT TO:<c@d>\r\n"), "550 5.1.1 no mailbox\r\n");
  world_.verdict = Verdict::Refuse({553, {5, 7, 1}, "no"}).By("not");
  EXPECT_EQ(Feed("RCPT TO:<d@d>\r\n"), "553 5.7.1 no\r\n");
  world_.verdict = Verdict::Accept();
  EXPECT_EQ(world_.recipients, (std::vector<std::string>(3, "a@renamed")));
  Feed("DATA\r\n");
  EXPECT_EQ(world_.envelopes,
            std::vector<std::string>{"s@x a@renamed a@renamed"});
  EXPECT_EQ(world_.decided,
            (std::vector<std::string>{"a@d yes rule a@renamed",
                                      "b@d yes rule a@renamed",
                                      "c@d no box a@renamed", "d@d no not -"}));
}

// Answers about several recipients may be due at once, and come in any order.
TEST_F(ResponderTest, TheTransactionMayAnswerLater) {
  config_.max_open_asks = 3;
  Restart();
  Feed("EHLO c.example\r\nMAIL FROM:<s@x>\r\n");
  world_.recipient.reset();
  EXPECT_EQ(Feed("RCPT TO:<a@d>\r\nRCPT TO:<b@d>\r\nDATA\r\n"), "");
  ASSERT_EQ(world_.recipients_due.size(), 2u);
  std::move(world_.recipients_due[1])(Verdict::Accept());
  EXPECT_EQ(Feed(""), "");
  std::move(world_.recipients_due[0])(
      Verdict::Refuse({450, {4, 2, 1}, "later"}));
  EXPECT_EQ(Feed(""), "450 4.2.1 later\r\n250 2.1.5 ok\r\n354 go ahead\r\n");
  EXPECT_EQ(world_.envelopes, std::vector<std::string>{"s@x b@d"});
}

TEST_F(ResponderTest, ATransactionIsKeptWhileItsAnswerIsDue) {
  Feed("EHLO c.example\r\nMAIL FROM:<s@x>\r\n");
  world_.recipient.reset();
  Feed("RCPT TO:<a@d>\r\n");
  session_->TimedOut();
  Feed("");
  responder_.reset();
  EXPECT_EQ(world_.open_transactions, 1);
  std::move(world_.recipients_due[0])(Verdict::Accept());
  world_.recipients_due.clear();
  posted_.clear();
  EXPECT_EQ(world_.open_transactions, 0);
  EXPECT_TRUE(world_.decided.empty());  // the client never got it
}

TEST_F(ResponderTest, AnAnswerOfTheTransactionThatDoesNotFitIsALocalError) {
  Feed("EHLO c.example\r\nMAIL FROM:<s@x>\r\n");
  world_.recipient = Verdict::Refuse({250, {}, "what"});
  EXPECT_EQ(Feed("RCPT TO:<a@d>\r\n"), "451 4.3.0 local error (#4.3.0)\r\n");
  EXPECT_TRUE(world_.decided.empty());
}

}  // namespace
}  // namespace postern
