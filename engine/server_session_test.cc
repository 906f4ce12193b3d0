// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/server_session.h"

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace postern {
namespace {

using Kind = Step::Kind;

// A session with its input and output. Tests over more than one command are in
// tests/transcripts.
class ServerSessionTest : public testing::Test {
 protected:
  ServerSessionTest() { config_.greeting = "mx"; }

  ServerSession& session() {
    if (!session_) session_.emplace(config_);
    return *session_;
  }
  void Restart() {
    session_.reset();
    in_.clear();
  }
  Step Advance() {
    const Step step = session().Advance(in_);
    in_.erase(0, step.consumed);
    return step;
  }
  // Sends `bytes` and accepts all questions, until the session needs more.
  void Feed(absl::string_view bytes) {
    in_.append(bytes.data(), bytes.size());
    while (true) {
      const Step step = Advance();
      if (step.kind == Kind::kNeedInput || step.kind == Kind::kClosed) return;
      if (step.kind != Kind::kAsk) continue;
      if (std::holds_alternative<AuthBegin>(step.ask->what)) {
        ASSERT_TRUE(
            session().CompleteAuth(step.ask->id, AuthGranted{"u"}).ok());
        continue;
      }
      EXPECT_TRUE(session().Complete(step.ask->id, Verdict::Accept()).ok());
    }
  }
  // Sends `bytes` and returns the question to which they lead.
  RequestId Question(absl::string_view bytes) {
    in_.append(bytes.data(), bytes.size());
    const Step step = Advance();
    EXPECT_EQ(step.kind, Kind::kAsk);
    return step.ask->id;
  }
  std::string TakeOutput() {
    std::string out(session().Output());
    session().OutputWritten(out.size());
    return out;
  }

  ServerConfig config_;
  std::string in_;

 private:
  std::optional<ServerSession> session_;
};

TEST_F(ServerSessionTest, AsksBeforeGreeting) {
  const Step step = Advance();
  ASSERT_EQ(step.kind, Kind::kAsk);
  EXPECT_TRUE(std::holds_alternative<Connected>(step.ask->what));
  EXPECT_EQ(Advance().kind, Kind::kWaiting);
  EXPECT_EQ(TakeOutput(), "");
  EXPECT_TRUE(session().Complete(step.ask->id, Verdict::Accept()).ok());
  EXPECT_EQ(TakeOutput(), "220 mx ESMTP\r\n");
  EXPECT_EQ(Advance().kind, Kind::kNeedInput);
}

TEST_F(ServerSessionTest, TakesOneAnswerForEachQuestion) {
  const RequestId id = Question("");
  EXPECT_TRUE(session().Complete(id, Verdict::Accept()).ok());
  EXPECT_TRUE(absl::IsNotFound(session().Complete(id, Verdict::Accept())));
  EXPECT_EQ(TakeOutput(), "220 mx ESMTP\r\n");
}

TEST_F(ServerSessionTest, RefusesAnswersThatDoNotFit) {
  struct Row {
    absl::string_view command;  // leads to the question
    Verdict verdict;
    absl::StatusCode code;
  };
  const auto reply = [](int code) { return Reply{code, {}, "x"}; };
  constexpr auto kOk = absl::StatusCode::kOk;
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  constexpr auto kMisfit = absl::StatusCode::kFailedPrecondition;
  const Row rows[] = {
      {"RCPT TO:<u@d>\r\n", Verdict::Accept(reply(251)), kOk},
      {"RCPT TO:<u@d>\r\n", Verdict::Accept(reply(354)), kInvalid},
      {"RCPT TO:<u@d>\r\n", Verdict::Accept(reply(550)), kInvalid},
      {"RCPT TO:<u@d>\r\n", Verdict::Refuse(reply(450)), kOk},
      {"RCPT TO:<u@d>\r\n", Verdict::Refuse(reply(250)), kInvalid},
      {"RCPT TO:<u@d>\r\n", Verdict::Refuse(reply(354)), kInvalid},
      {"RCPT TO:<u@d>\r\n", Verdict::Refuse(reply(0)), kInvalid},
      {"RCPT TO:<u@d>\r\n", Verdict::Refuse(reply(600)), kInvalid},
      {"RCPT TO:<u@d>\r\n", Verdict::Refuse(reply(421)), kInvalid},
      {"RCPT TO:<u@d>\r\n", Verdict::Drop(reply(421)), kOk},
      {"RCPT TO:<u@d>\r\n", Verdict::Drop(reply(250)), kInvalid},
      {"EHLO c\r\n", Verdict::Accept(reply(250)), kMisfit},
      {"EHLO c\r\n", Verdict::AcceptAs({"a", "b"}), kOk},
      {"EHLO c\r\n", Verdict::Refuse(reply(550)), kOk},
      {"RCPT TO:<u@d>\r\nDATA\r\n", Verdict::Accept(reply(250)), kMisfit},
      {"RCPT TO:<u@d>\r\nDATA\r\n", Verdict::Refuse(reply(451)), kOk},
  };
  for (const Row& row : rows) {
    ServerSession session(config_);
    std::string in = absl::StrCat("EHLO c\r\nMAIL FROM:<s@x>\r\n", row.command);
    RequestId id{};
    while (true) {
      const Step step = session.Advance(in);
      ASSERT_EQ(step.kind, Kind::kAsk);
      id = step.ask->id;
      in.erase(0, step.consumed);
      if (in.empty()) break;
      ASSERT_TRUE(session.Complete(id, Verdict::Accept()).ok());
    }
    const std::string before(session.Output());
    EXPECT_EQ(session.Complete(id, row.verdict).code(), row.code);
    if (row.code == kOk) continue;
    // Nothing has changed: a correct answer is still accepted.
    EXPECT_EQ(session.Output(), before);
    EXPECT_EQ(session.Advance(in).kind, Kind::kWaiting);
    EXPECT_TRUE(session.Complete(id, Verdict::Accept()).ok());
  }
}

// RFC 5321 4.2: a client recognizes a greeting by its code.
TEST_F(ServerSessionTest, GreetsOnlyWith220) {
  const RequestId id = Question("");
  EXPECT_TRUE(absl::IsInvalidArgument(
      session().Complete(id, Verdict::Accept(Reply{250, {}, "mx"}))));
  EXPECT_TRUE(
      session().Complete(id, Verdict::Accept(Reply{220, {}, "hi"})).ok());
  EXPECT_EQ(TakeOutput(), "220 hi\r\n");
}

TEST_F(ServerSessionTest, RepliesFollowCommandOrderNotAnswerOrder) {
  config_.max_open_asks = 3;
  Feed("EHLO c\r\nMAIL FROM:<s@x>\r\n");
  TakeOutput();
  const RequestId a = Question("RCPT TO:<a@d>\r\nRCPT TO:<b@d>\r\n");
  const RequestId b = Question("RCPT TO:<c@d>\r\nRCPT TO:<d@d>\r\n");
  const RequestId c = Question("");
  EXPECT_EQ(Advance().kind, Kind::kWaiting);  // three are open
  EXPECT_TRUE(session().Complete(c, Verdict::Accept()).ok());
  EXPECT_TRUE(session().Complete(b, Verdict::Refuse({550, {}, "b"})).ok());
  EXPECT_EQ(TakeOutput(), "");
  EXPECT_TRUE(session().envelope().to.empty());
  EXPECT_TRUE(session().Complete(a, Verdict::Accept()).ok());
  EXPECT_EQ(TakeOutput(), "250 2.1.5 ok\r\n550 b\r\n250 2.1.5 ok\r\n");
  ASSERT_EQ(session().envelope().to.size(), 2u);
  EXPECT_EQ(session().envelope().to[0].path.Address(), "a@d");
  EXPECT_EQ(session().envelope().to[1].path.Address(), "c@d");
}

TEST_F(ServerSessionTest, AsksAheadOnlyForWellFormedRcpts) {
  config_.max_open_asks = 4;
  for (absl::string_view next :
       {"DATA\r\n", "RSET\r\n", "RCPT TO:<bad\r\n", "RCPT TO:<b@d>", "\r\n",
        "RCPT\r\n", "MAIL FROM:<t@x>\r\n", "QUIT\r\n", "RCPT TO:<b\n@d>\r\n"}) {
    Restart();
    Feed("EHLO c\r\nMAIL FROM:<s@x>\r\n");
    Question(absl::StrCat("RCPT TO:<a@d>\r\n", next));
    const Step step = Advance();
    EXPECT_EQ(step.kind, Kind::kWaiting) << next;
    EXPECT_EQ(step.consumed, 0u) << next;
  }
}

// Input after an open question is examined once, not again for each byte that
// arrives.
TEST_F(ServerSessionTest, ExaminesAWaitingLineOnce) {
  const std::string long_line(config_.max_line - 2, 'x');
  const std::string overlong(3 * config_.max_line, 'x');
  for (const std::string& ahead :
       {long_line + "\r\n", absl::StrCat("RCPT TO:<", long_line, "\r\n"),
        overlong, overlong + "\r\n"}) {
    config_.max_open_asks = 4;
    Restart();
    Feed("EHLO c\r\nMAIL FROM:<s@x>\r\n");
    const RequestId id = Question("RCPT TO:<a@d>\r\n");
    in_ = ahead;
    const uint64_t before = session().examined();
    constexpr size_t kTrickle = 1000;
    for (size_t i = 0; i < kTrickle; ++i) {
      const Step step = Advance();
      ASSERT_EQ(step.kind, Kind::kWaiting);
      ASSERT_EQ(step.consumed, 0u);
      in_ += 'y';
    }
    EXPECT_LE(session().examined() - before, 2 * in_.size());
    TakeOutput();
    EXPECT_TRUE(session().Complete(id, Verdict::Accept()).ok());
    Feed("\r\nRCPT TO:<b@d>\r\n");
    EXPECT_EQ(session().envelope().to.size(), 2u);
  }
}

TEST_F(ServerSessionTest, StopsAtMaxOutput) {
  config_.max_output = 4096;
  Feed("EHLO c\r\n");
  for (int i = 0; i < 1000; ++i) in_ += "NOOP\r\n";
  const Step step = Advance();
  EXPECT_EQ(step.kind, Kind::kNeedFlush);
  EXPECT_GE(session().Output().size(), 4096u);
  EXPECT_LT(session().Output().size(), 4096 + kMaxReplyLine);
  EXPECT_EQ(Advance().kind, Kind::kNeedFlush);
  session().OutputWritten(session().Output().size());
  EXPECT_EQ(Advance().kind, Kind::kNeedFlush);  // full again
}

TEST_F(ServerSessionTest, AcceptsPartialWrites) {
  Feed("NOOP\r\nQUIT\r\n");
  const std::string all = "220 mx ESMTP\r\n250 2.0.0 ok\r\n221 2.0.0 mx\r\n";
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(session().Output(), all.substr(i));
    session().OutputWritten(1);
  }
  EXPECT_EQ(session().Output(), "");
  session().OutputWritten(0);
}

TEST_F(ServerSessionTest, CountsRepliesByTheirFirstDigit) {
  Feed("EHLO c\r\nMAIL FROM:<s@x>\r\nRCPT TO:<u@d>\r\nDATA\r\nx\r\n.\r\n");
  EXPECT_EQ(session().replies(), (ReplyCounts{5, 1, 0, 0}));
  Feed("NONSENSE\r\nDATA\r\n");
  session().TimedOut();
  Feed("");
  EXPECT_EQ(session().replies(), (ReplyCounts{5, 1, 1, 2}));
  config_.lmtp = true;
  Restart();
  Feed(
      "LHLO c\r\nMAIL FROM:<s@x>\r\nRCPT TO:<a@d>\r\nRCPT TO:<b@d>\r\n"
      "DATA\r\nx\r\n.\r\n");
  EXPECT_EQ(session().replies(), (ReplyCounts{7, 1, 0, 0}))
      << "one for each recipient";
  config_ = ServerConfig();
  config_.mechanisms_without_tls = {"PLAIN"};
  Restart();
  Feed("EHLO c\r\n");
  const RequestId auth = Question("AUTH PLAIN\r\n");
  EXPECT_TRUE(session().CompleteAuth(auth, AuthChallenge{"?"}).ok());
  EXPECT_EQ(session().replies(), (ReplyCounts{2, 1, 0, 0})) << "334";
}

TEST_F(ServerSessionTest, AbortsAtTheFirstDefectInContent) {
  Feed("EHLO c\r\nMAIL FROM:<s@x>\r\nRCPT TO:<u@d>\r\nDATA\r\nok\r\n");
  TakeOutput();
  in_ += "bad\n";
  EXPECT_EQ(Advance().kind, Kind::kAborted);
  EXPECT_EQ(TakeOutput(), "");  // the reply waits for the end of the data
  Feed("more\r\n.\r\n");
  EXPECT_EQ(TakeOutput(),
            "554 5.5.2 bare LF in line 2 of the message, lines end in CRLF "
            "(#5.5.2)\r\n");
}

TEST_F(ServerSessionTest, ReturnsContentAsSlicesOfTheInput) {
  Feed("EHLO c\r\nMAIL FROM:<s@x>\r\nRCPT TO:<u@d>\r\nDATA\r\n");
  in_ = "a\r\n..b\r\n.\r\nQUIT\r\n";
  const Step step = session().Advance(in_);
  ASSERT_EQ(step.kind, Kind::kBody);
  ASSERT_EQ(step.body.size(), 2u);
  EXPECT_EQ(step.body[0].data(), in_.data());
  EXPECT_EQ(step.body[0], "a\r\n");
  EXPECT_EQ(step.body[1].data(), in_.data() + 4);
  EXPECT_EQ(step.body[1], ".b\r\n");
}

TEST_F(ServerSessionTest, TimeoutClosesAndDropsOpenQuestions) {
  Feed("EHLO c\r\nMAIL FROM:<s@x>\r\n");
  const RequestId id = Question("RCPT TO:<a@d>\r\n");
  TakeOutput();
  session().TimedOut();
  EXPECT_EQ(TakeOutput(), "421 4.4.2 timeout (#4.4.2)\r\n");
  EXPECT_TRUE(absl::IsNotFound(session().Complete(id, Verdict::Accept())));
  EXPECT_EQ(Advance().kind, Kind::kAborted);
  const Step step = Advance();
  EXPECT_EQ(step.kind, Kind::kClosed);
  EXPECT_EQ(step.reason, CloseReason::kTimeout);
  session().TimedOut();
  EXPECT_EQ(TakeOutput(), "");
}

TEST_F(ServerSessionTest, TakesAnswersAfterTheClientIsGone) {
  Feed("EHLO c\r\nMAIL FROM:<s@x>\r\nRCPT TO:<u@d>\r\nDATA\r\n");
  in_ = ".\r\n";
  const RequestId id = Question("");
  session().EndOfInput();
  EXPECT_EQ(Advance().kind, Kind::kWaiting);
  TakeOutput();
  EXPECT_TRUE(session().Complete(id, Verdict::Accept()).ok());
  EXPECT_EQ(TakeOutput(), "250 2.0.0 ok\r\n");
  const Step step = Advance();
  EXPECT_EQ(step.kind, Kind::kClosed);
  EXPECT_EQ(step.reason, CloseReason::kPeerGone);
}

TEST_F(ServerSessionTest, ContentHasItsOwnTimeout) {
  config_.command_timeout = absl::Seconds(1);
  config_.data_timeout = absl::Seconds(2);
  Feed("EHLO c\r\nMAIL FROM:<s@x>\r\nRCPT TO:<u@d>\r\n");
  EXPECT_EQ(session().ReadTimeout(), absl::Seconds(1));
  Feed("DATA\r\n");
  EXPECT_EQ(session().ReadTimeout(), absl::Seconds(2));
  Feed(".\r\n");
  EXPECT_EQ(session().ReadTimeout(), absl::Seconds(1));
}

TEST_F(ServerSessionTest, CommandsAndBlocksOfContentAreProgressButBytesAreNot) {
  config_.data_block = 10;
  Feed("EHLO c\r\n");
  const struct {
    absl::string_view bytes;
    bool progress;
  } cases[] = {
      {"NO", false},
      {"OP\r\n", true},
      {"\r\n", true},
      {"BOGUS\r\n", true},
      {"MAIL FROM:<>\r\n", true},
      {"RCPT TO:<u@d>\r\n", true},
      {"DATA\r\n", true},
      {"12345", false},
      {"678\r\n", true},
      {"123", false},
      {"bare\nLF\r\n", true},  // refused from here on
      {"123", false},
      {"4567890\r\n", true},
      {".", false},
      {"\r\n", true},
  };
  for (const auto& c : cases) {
    const uint64_t before = session().progress();
    Feed(c.bytes);
    EXPECT_EQ(session().progress() != before, c.progress) << c.bytes;
  }
  Feed(std::string(config_.max_line, 'x'));
  const uint64_t before = session().progress();
  Feed(std::string(config_.max_line, 'x'));
  EXPECT_EQ(session().progress(), before) << "part of an overlong line";
  Feed("\r\n");
  EXPECT_NE(session().progress(), before);
}

TEST_F(ServerSessionTest, ReportsWhichContentIsInProgress) {
  config_.extensions = ExtensionSet::All();
  const struct {
    std::string bytes;
    uint64_t content;
  } cases[] = {
      {"EHLO c\r\n", 0},
      {"MAIL FROM:<s@x>\r\n", 0},
      {"RCPT TO:<u@d>\r\n", 0},
      {"DATA\r\n", 1},
      {"hello\r\n", 1},
      {"bare\nnewline\r\n", 1},  // will be refused
      {".\r\n", 0},
      {"MAIL FROM:<s@x>\r\nRCPT TO:<u@d>\r\nBDAT 3\r\n", 2},
      {"x\r\n", 2},  // another chunk follows
      {"BDAT 1000 LAST\r\nx", 2},
      {std::string(999, 'x'), 0},
      {"MAIL FROM:<s@x>\r\nRCPT TO:<u@d>\r\nDATA\r\nx\r\n.\r\n"
       "MAIL FROM:<s@x>\r\nRCPT TO:<u@d>\r\nDATA\r\nx\r\n",
       4},
      {".\r\nBDAT 100\r\n", 4},  // out of sequence, and discarded
  };
  for (const auto& c : cases) {
    Feed(c.bytes);
    EXPECT_EQ(session().content(), c.content) << c.bytes;
  }
}

TEST_F(ServerSessionTest, IsIdleBetweenCommandsAndOutsideTransactions) {
  const struct {
    absl::string_view bytes;
    bool idle;
  } cases[] = {
      {"EHLO c\r\n", true},
      {"NO", false},
      {"OP\r\n", true},
      {"MAIL FROM:<>\r\n", false},
      {"RCPT TO:<u@d>\r\n", false},
      {"DATA\r\n", false},
      {"a\nb\r\n", false},
      {".\r\n", true},
  };
  for (const auto& c : cases) {
    Feed(c.bytes);
    EXPECT_EQ(session().idle(), c.idle) << c.bytes;
  }
  Feed(std::string(config_.max_line, 'x'));
  EXPECT_FALSE(session().idle());
}

TEST_F(ServerSessionTest, AbortStatesTheRefusalOfTheContent) {
  Feed("EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<u@d>\r\nDATA\r\n");
  in_ = "a\nb\r\n";
  Step step = Advance();
  ASSERT_EQ(step.kind, Kind::kAborted);
  ASSERT_NE(step.refusal, nullptr);
  EXPECT_EQ(step.refusal->code, 554);
  EXPECT_NE(step.refusal->text.find("bare LF in line 1"), std::string::npos);
  Feed(".\r\nMAIL FROM:<>\r\n");
  in_ = "RSET\r\n";
  step = Advance();
  ASSERT_EQ(step.kind, Kind::kAborted);
  EXPECT_EQ(step.refusal, nullptr);
}

// Formats each refusal as "VERB CODE 'COMMAND'", and "#N" for its message.
std::vector<std::string> Print(const std::vector<Refusal>& refusals) {
  std::vector<std::string> out;
  for (const Refusal& refusal : refusals) {
    out.push_back(absl::StrCat(
        refusal.verb, " ", refusal.reply.code, " '", refusal.command, "'",
        refusal.message == 0 ? "" : absl::StrCat(" #", refusal.message),
        refusal.content ? " content" : ""));
  }
  return out;
}

TEST_F(ServerSessionTest, ReportsRefusals) {
  config_.mechanisms_without_tls = {"PLAIN"};
  config_.max_reported = 100;
  config_.max_errors = 100;
  struct Row {
    std::string says;
    std::vector<std::string> refusals;
  };
  const Row rows[] = {
      {"MAIL FROM:<s@x>\r\n", {"MAIL 503 'MAIL FROM:<s@x>'"}},
      {"EHLO c\r\nNOOP\r\n", {}},
      {"bogus words\r\n", {" 500 'bogus words'"}},
      {"EXPN x\r\n", {"EXPN 502 'EXPN x'"}},
      {"DATA\r\n", {"DATA 503 'DATA'"}},
      {"mail from:<s@x> FOO=1\r\n", {"MAIL 555 'mail from:<s@x> FOO=1'"}},
      {"MAIL FROM:<s@x>\r\nMAIL FROM:<s@x>\r\n",
       {"MAIL 503 'MAIL FROM:<s@x>' #2"}},
      {"RCPT TO:<u@d\r\nRSET\r\n", {"RCPT 501 'RCPT TO:<u@d' #2"}},
      {std::string(5000, 'x') + "\r\n", {" 500 ''"}},
      {"RSET " + std::string(200, 'x') + "\r\n",
       {"RSET 501 'RSET " + std::string(Refusal::kMaxCommand - 5, 'x') + "'"}},
      {"BDAT 3 LAST\r\nabc", {"BDAT 503 'BDAT'"}},
      {"MAIL FROM:<>\r\nRCPT TO:<u@d>\r\nDATA\r\na\nb\r\n",
       {}},  // there is no reply yet
      {".\r\n", {"DATA 554 'DATA' #3 content"}},
  };
  for (const Row& row : rows) {
    Feed(row.says);
    EXPECT_EQ(Print(session().TakeRefusals()), row.refusals) << row.says;
  }
  EXPECT_EQ(session().refused(), 11u);
  session().TimedOut();
  EXPECT_EQ(Print(session().TakeRefusals()),
            std::vector<std::string>{" 421 ''"});
}

// Refusals never contain what may be a password.
TEST_F(ServerSessionTest, ReportsNoPasswords) {
  config_.mechanisms = {"PLAIN"};
  config_.max_errors = 100;
  struct Row {
    absl::string_view says;
    std::vector<std::string> refusals;
  };
  const Row rows[] = {
      {"AUTH PLAIN AHUAcA==\r\n", {"AUTH 503 'AUTH PLAIN'"}},
      {"AUTH AHUAcA==\r\n", {"AUTH 503 'AUTH'"}},
      {"AUTH login\r\n", {"AUTH 503 'AUTH'"}},
      {"AUTHPLAIN AHUAcA==\r\n", {" 500 ''"}},
      // A client that continues as if it had got a challenge.
      {"AUTH LOGIN\r\ndXNlcg==\r\nc2VjcmV0\r\n",
       {"AUTH 503 'AUTH LOGIN'", " 500 ''", " 500 ''"}},
      {"NOOP\r\nc2VjcmV0\r\n", {" 500 'c2VjcmV0'"}},
      // White space before the verb makes the command unknown.
      {" AUTH LOGIN\r\ndXNlcg==\r\n", {" 500 'AUTH LOGIN'", " 500 ''"}},
      {"NOOP\r\n\tauth PLAIN AHUAcA==\r\n", {" 500 'auth PLAIN'"}},
  };
  for (const Row& row : rows) {
    Feed(row.says);
    EXPECT_EQ(Print(session().TakeRefusals()), row.refusals) << row.says;
  }
  Restart();
  config_.mechanisms_without_tls = {"PLAIN"};
  Feed("EHLO c\r\nAUTH PLAIN !!!\r\nc2VjcmV0\r\n");
  EXPECT_EQ(Print(session().TakeRefusals()),
            (std::vector<std::string>{"AUTH 501 'AUTH PLAIN'", " 500 ''"}));
}

TEST_F(ServerSessionTest, MarksALineAfterARefusedAuthAsSecret) {
  Feed("AUTH LOGIN\r\n");
  in_ = "c2VjcmV0\r\n";
  EXPECT_EQ(Advance().secret, 10u);
  Feed("NOOP\r\n");
  in_ = "c2VjcmV0\r\n";
  EXPECT_EQ(Advance().secret, 0u);
}

// A token may be longer than a command line. The discarded part is secret, too.
TEST_F(ServerSessionTest, MarksAnOverlongAuthLineAsSecret) {
  config_.max_line = 512;
  Restart();
  Feed("EHLO c\r\n");
  const std::string line = "AUTH XOAUTH2 " + std::string(1000, 'a');
  const Step piece = session().Advance(line);
  EXPECT_GT(piece.consumed, 0u);
  EXPECT_EQ(piece.secret, piece.consumed);
  const std::string rest = line.substr(piece.consumed) + "\r\n";
  const Step end = session().Advance(rest);
  EXPECT_EQ(end.consumed, rest.size());
  EXPECT_EQ(end.secret, end.consumed);
}

TEST_F(ServerSessionTest, LimitsReportedRefusalsExceptTheLast) {
  config_.max_reported = 2;
  config_.max_errors = 5;
  for (int i = 0; i < 6; ++i) Feed("bogus\r\n");
  EXPECT_EQ(Print(session().TakeRefusals()),
            (std::vector<std::string>{" 500 'bogus'", " 500 'bogus'",
                                      " 421 'bogus'"}));
  EXPECT_EQ(session().refused(), 6u);
  EXPECT_FALSE(session().has_refusals());
}

TEST_F(ServerSessionTest, NumbersMessages) {
  Feed("EHLO c\r\nMAIL FROM:<s@x>\r\nRCPT TO:<u@d>\r\n");
  EXPECT_EQ(session().envelope().message, 1);
  Feed("RSET\r\n");
  EXPECT_EQ(session().envelope().message, 0);
  in_ = "MAIL FROM:<s@x>\r\n";
  Step step = Advance();
  ASSERT_EQ(step.kind, Kind::kAsk);
  EXPECT_EQ(std::get<Mail>(step.ask->what).message, 2);
  ASSERT_TRUE(session().Complete(step.ask->id, Verdict::Accept()).ok());
  in_ = "RCPT TO:<u@d>\r\n";
  step = Advance();
  ASSERT_EQ(step.kind, Kind::kAsk);
  EXPECT_EQ(std::get<Rcpt>(step.ask->what).message, 2);
}

TEST_F(ServerSessionTest, KeepsMailParametersInTheEnvelope) {
  Feed("EHLO c\r\nMAIL FROM:<s@x> SIZE=3 BODY=8BITMIME\r\n");
  EXPECT_EQ(session().envelope().from.Address(), "s@x");
  EXPECT_EQ(session().envelope().parameters.size, 3u);
  EXPECT_EQ(session().envelope().parameters.body, BodyType::k8BitMime);
  Feed("RSET\r\nMAIL FROM:<t@x>\r\n");
  EXPECT_EQ(session().envelope().from.Address(), "t@x");
  EXPECT_EQ(session().envelope().parameters, MailParameters());
}

TEST_F(ServerSessionTest, ShutdownWaitsForTheEndOfTheMessage) {
  Feed("EHLO c\r\nMAIL FROM:<s@x>\r\nRCPT TO:<u@d>\r\nDATA\r\nhal");
  TakeOutput();
  session().Shutdown();
  EXPECT_EQ(Advance().kind, Kind::kNeedInput);
  Feed("f\r\n.\r\nNOOP\r\n");
  EXPECT_EQ(
      TakeOutput(),
      "250 2.0.0 ok\r\n421 4.3.2 shutting down, try again later (#4.3.2)\r\n");
  EXPECT_EQ(Advance().reason, CloseReason::kShutdown);
}

TEST_F(ServerSessionTest, ShutdownWaitsForOpenAnswers) {
  Feed("EHLO c\r\n");
  const RequestId mail = Question("MAIL FROM:<s@x>\r\n");
  TakeOutput();
  session().Shutdown();
  EXPECT_EQ(Advance().kind, Kind::kWaiting);
  EXPECT_TRUE(session().Complete(mail, Verdict::Accept()).ok());
  EXPECT_EQ(Advance().kind, Kind::kAborted);
  EXPECT_EQ(Advance().reason, CloseReason::kShutdown);
  EXPECT_EQ(
      TakeOutput(),
      "250 2.1.0 ok\r\n421 4.3.2 shutting down, try again later (#4.3.2)\r\n");
}

TEST_F(ServerSessionTest, ShutdownBeforeTheGreetingReplies421) {
  session().Shutdown();
  EXPECT_EQ(Advance().reason, CloseReason::kShutdown);
  EXPECT_EQ(TakeOutput(),
            "421 4.3.2 shutting down, try again later (#4.3.2)\r\n");
}

TEST_F(ServerSessionTest, NotesOrRejectsAClientThatTalksEarly) {
  for (OutOfTurn mode : {OutOfTurn::kNote, OutOfTurn::kReject}) {
    Restart();
    config_.early_talk = mode;
    const RequestId connected = Question("");
    EXPECT_FALSE(session().violations().early_talk);
    session().TalkedEarly();
    EXPECT_TRUE(session().violations().early_talk);
    const bool open = session().Complete(connected, Verdict::Accept()).ok();
    EXPECT_EQ(open, mode == OutOfTurn::kNote);
    Feed("EHLO c\r\n");
    if (open) {
      EXPECT_TRUE(absl::StartsWith(TakeOutput(), "220 mx ESMTP\r\n250-"));
    } else {
      EXPECT_EQ(TakeOutput(),
                "554 5.5.0 you must wait for my greeting (#5.5.0)\r\n");
      EXPECT_EQ(Advance().reason, CloseReason::kAbuse);
    }
  }
  Restart();
  session().TalkedEarly();  // before Connected is asked
  EXPECT_EQ(Advance().reason, CloseReason::kAbuse);
  Restart();
  Feed("EHLO c\r\n");
  EXPECT_DEATH(session().TalkedEarly(), "");
}

// RFC 2920 3.1: these commands must be the last of their group.
TEST_F(ServerSessionTest, DetectsClientsThatDoNotWaitForReplies) {
  struct Row {
    absl::string_view group;  // after EHLO, in one piece
    bool violation;
  };
  constexpr Row kRows[] = {
      {"MAIL FROM:<s@x>\r\nRCPT TO:<u@d>\r\nRSET\r\nQUIT\r\nx\r\n", false},
      {"MAIL FROM:<s@x>\r\nRCPT TO:<u@d>\r\nDATA\r\n", false},
      {"MAIL FROM:<s@x>\r\nRCPT TO:<u@d>\r\nDATA\r\nx", true},
      {"MAIL FROM:<s@x>\r\nRCPT TO:<u@d>\r\nBDAT 1\r\nxBDAT 0 LAST\r\n", false},
      {"EHLO d\r\nRSET\r\n", true},
      {"NOOP\r\nRSET\r\n", true},
      {"VRFY u\r\nRSET\r\n", true},
      {"EXPN u\r\nRSET\r\n", true},
      {"AUTH LOGIN\r\ndQ==\r\n", true},
      {"AUTH PLAIN AHUAcA==\r\nRSET\r\n", false},
      {"HELO d\r\n", false},
  };
  config_.mechanisms_without_tls = {"PLAIN", "LOGIN"};
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.group);
    for (OutOfTurn mode : {OutOfTurn::kNote, OutOfTurn::kReject}) {
      Restart();
      config_.pipelining = mode;
      Feed("EHLO c\r\n");
      TakeOutput();
      Feed(row.group);
      EXPECT_EQ(session().violations().pipelining, row.violation);
      const bool rejected = absl::StrContains(
          TakeOutput(), "554 5.5.0 you must wait for my replies (#5.5.0)\r\n");
      EXPECT_EQ(rejected, row.violation && mode == OutOfTurn::kReject);
      EXPECT_EQ(rejected, Advance().reason == CloseReason::kAbuse);
    }
  }
  // After HELO no command may be sent ahead: PIPELINING was not offered.
  Restart();
  Feed("HELO c\r\n");
  Feed("MAIL FROM:<s@x>\r\nRCPT TO:<u@d>\r\n");
  EXPECT_TRUE(session().violations().pipelining);
}

TEST_F(ServerSessionTest, StartsUnderTls) {
  config_.offer_starttls = true;
  config_.mechanisms = {"PLAIN"};
  session().TlsStarted({"TLSv1.3", "TLS_X", ""});
  Feed("EHLO c\r\n");
  EXPECT_EQ(session().tls()->protocol, "TLSv1.3");
  const std::string output = TakeOutput();
  EXPECT_TRUE(absl::StrContains(output, "250 AUTH PLAIN\r\n")) << output;
  EXPECT_FALSE(absl::StrContains(output, "STARTTLS")) << output;
}

TEST_F(ServerSessionTest, AnnouncesTheOldAuthLine) {
  config_.old_auth_line = true;
  config_.mechanisms_without_tls = {"CRAM-MD5", "EXTERNAL", "PLAIN"};
  Feed("EHLO c\r\n");
  const std::string output = TakeOutput();
  EXPECT_TRUE(absl::StrContains(
      output, "250-AUTH CRAM-MD5 PLAIN\r\n250 AUTH=CRAM-MD5 PLAIN\r\n"))
      << output;
}

// The API does not allow plaintext to be taken for data that TLS protects:
// between kStartTls and TlsStarted() the session closes, and before kStartTls
// TlsStarted() asserts.
TEST_F(ServerSessionTest, AcceptsNoInputBetweenStartTlsAndTls) {
  config_.offer_starttls = true;
  Feed("EHLO c\r\n");
  const RequestId id = Question("STARTTLS\r\n");
  EXPECT_DEATH(session().TlsStarted({}), "");
  TakeOutput();
  EXPECT_TRUE(session().Complete(id, Verdict::Accept()).ok());
  EXPECT_EQ(Advance().kind, Kind::kStartTls);
  EXPECT_EQ(Advance().kind, Kind::kStartTls);
  EXPECT_EQ(TakeOutput(), "220 2.0.0 ready\r\n");
  in_ = "NOOP\r\n";
  EXPECT_EQ(Advance().reason, CloseReason::kAbuse);
  EXPECT_EQ(TakeOutput(), "");
  EXPECT_EQ(in_, "NOOP\r\n");
}

// Whatever may contain a password must be overwritten, even if it is not valid.
TEST_F(ServerSessionTest, MarksPasswordsAsSecret) {
  struct Row {
    absl::string_view input;
    bool secret;
  };
  config_.mechanisms_without_tls = {"PLAIN", "LOGIN"};
  for (const Row& row : {Row{"NOOP\r\n", false},
                         {"AUTH LOGIN dQ==\r\n", true},
                         {"AUTH PLAIN AHUAcA==\r\n", true},
                         {"NOOP\r\nAUTH PLAIN AHUAcA=\r\n", true},
                         {"AUTH X-OTHER cGFzc3dvcmQ=\r\n", true},
                         {"auth plain AHUAcA==\x80\r\n", true},
                         {"MAIL FROM:<a@b>\r\n", false}}) {
    Restart();
    Feed("EHLO c\r\n");
    const Step step = session().Advance(row.input);
    EXPECT_EQ(step.secret, row.secret ? row.input.size() : 0) << row.input;
    EXPECT_EQ(step.consumed, row.input.size());
    EXPECT_EQ(session().Advance("").secret, 0u);
  }
  Restart();
  Feed("EHLO c\r\n");
  const RequestId login = Question("AUTH LOGIN\r\n");
  ASSERT_TRUE(session().CompleteAuth(login, AuthChallenge{""}).ok());
  EXPECT_EQ(session().Advance("cGFzc").secret, 0u);
  const Step step = session().Advance("cGFzcw==\r\n");
  EXPECT_EQ(step.secret, step.consumed);
  ASSERT_EQ(step.kind, Step::Kind::kAsk);
}

// Clients also send passwords when they are not asked for one.
TEST_F(ServerSessionTest, MarksPasswordsOutOfSequenceAsSecret) {
  struct Row {
    absl::string_view before;
    absl::string_view input;
  };
  config_.mechanisms = {"PLAIN"};
  config_.offer_starttls = true;
  for (const Row& row :
       {Row{"", "AUTH PLAIN AHUAcA==\r\n"},
        {"EHLO c\r\n", " AUTH PLAIN AHUAcA==\r\n"},
        {"HELO c\r\n", "AUTH PLAIN AHUAcA==\r\n"},
        {"EHLO c\r\n", "AUTH PLAIN AHUAcA==\r\n"},
        {"EHLO c\r\nMAIL FROM:<s@x>\r\n", "RSET\r\nauth plain AHUAcA==\r\n"}}) {
    for (const bool require_tls : {false, true}) {
      config_.require_tls = require_tls;
      Restart();
      Feed(row.before);
      bool secret = false;
      size_t consumed = 0;
      while (consumed < row.input.size()) {
        const Step step = session().Advance(row.input.substr(consumed));
        if (step.kind == Kind::kAsk) {
          ASSERT_TRUE(session().Complete(step.ask->id, Verdict::Accept()).ok());
        }
        consumed += step.consumed;
        secret = secret || step.secret > 0;
      }
      EXPECT_TRUE(secret) << row.before << row.input;
    }
  }
}

// A policy decides at DATA on the whole envelope.
TEST_F(ServerSessionTest, QuestionAtDataHasTheEnvelope) {
  Feed("EHLO c\r\nMAIL FROM:<a@x>\r\nRSET\r\n");
  Feed("MAIL FROM:<s@x> SIZE=77\r\nRCPT TO:<u@d>\r\n");
  {
    const Step step = session().Advance("DATA\r\n");
    ASSERT_EQ(step.kind, Kind::kAsk);
    const auto& begin = std::get<BodyBegin>(step.ask->what);
    EXPECT_EQ(begin.from.Address(), "s@x");
    EXPECT_EQ(begin.to.Address(), "u@d");
    EXPECT_EQ(begin.recipients, 1u);
    EXPECT_EQ(begin.message, 2);
    EXPECT_EQ(begin.size, 77u);
    const Verdict later = Verdict::Refuse({450, {4, 7, 1}, "later"});
    ASSERT_TRUE(session().Complete(step.ask->id, later).ok());
  }
  Feed("RSET\r\nMAIL FROM:<>\r\nRCPT TO:<u@d>\r\nRCPT TO:<v@d>\r\n");
  const Step step = session().Advance("BDAT 9\r\n");
  ASSERT_EQ(step.kind, Kind::kAsk);
  const auto& begin = std::get<BodyBegin>(step.ask->what);
  EXPECT_EQ(begin.from.Address(), "");
  EXPECT_EQ(begin.to.Address(), "");
  EXPECT_EQ(begin.recipients, 2u);
  EXPECT_EQ(begin.message, 3);
  EXPECT_FALSE(begin.size);
}

// Overwriting the password must not overwrite a message.
TEST_F(ServerSessionTest, DoesNotMarkContentAfterAPasswordAsSecret) {
  config_.mechanisms_without_tls = {"PLAIN"};
  Feed("EHLO c\r\nMAIL FROM:<s@x>\r\nRCPT TO:<u@d>\r\nBDAT 3\r\na\r\n");
  constexpr absl::string_view kSecret = "AUTH PLAIN AHUAcA==\r\n";
  in_ = absl::StrCat(kSecret, "BDAT 3\r\nb\r\n");
  const Step step = session().Advance(in_);
  EXPECT_EQ(step.consumed, in_.size());
  EXPECT_EQ(step.secret, kSecret.size());
  ASSERT_EQ(step.kind, Kind::kBody);
  EXPECT_EQ(step.body[0], "b\r\n");
}

TEST_F(ServerSessionTest, CompleteAuthFitsOnlyAuth) {
  config_.mechanisms_without_tls = {"LOGIN"};
  Feed("EHLO c\r\n");
  const RequestId auth = Question("AUTH LOGIN\r\n");
  EXPECT_TRUE(
      absl::IsFailedPrecondition(session().Complete(auth, Verdict::Accept())));
  EXPECT_TRUE(
      absl::IsInvalidArgument(session().CompleteAuth(auth, AuthGranted{""})));
  EXPECT_TRUE(absl::IsInvalidArgument(
      session().CompleteAuth(auth, AuthChallenge{std::string(9217, 'x')})));
  EXPECT_TRUE(absl::IsInvalidArgument(
      session().CompleteAuth(auth, Verdict::Refuse({235, {}, "x"}))));
  TakeOutput();
  EXPECT_TRUE(
      session().CompleteAuth(auth, AuthChallenge{std::string(9216, 'x')}).ok());
  EXPECT_EQ(TakeOutput().size(), 4 + 12288 + 2);
  EXPECT_TRUE(
      absl::IsNotFound(session().CompleteAuth(auth, AuthGranted{"someone"})));
  Feed("*\r\n");
  TakeOutput();
  const RequestId mail = Question("MAIL FROM:<s@x>\r\n");
  EXPECT_TRUE(absl::IsFailedPrecondition(
      session().CompleteAuth(mail, AuthGranted{"someone"})));
  EXPECT_TRUE(absl::IsFailedPrecondition(
      session().CompleteAuth(mail, Verdict::Accept())));
  EXPECT_EQ(TakeOutput(), "");
  EXPECT_TRUE(absl::IsFailedPrecondition(
      session().Complete(mail, std::vector<Verdict>(1, Verdict::Accept()))));
}

// A client that ends its lines in LF waits for its reply. The session waits ten
// seconds for it, and only if the content is already refused.
TEST_F(ServerSessionTest, WaitsBrieflyAfterAnEndInBareNewlines) {
  struct Row {
    absl::string_view content;
    bool briefly;
  };
  constexpr Row kRows[] = {
      {"", false},
      {"a\n", false},
      {"a\n.", false},
      {"a\n.\n", true},
      {".\n", true},
      {"a\n.\r\n", true},
      {"a\r\n.\n", true},
      {"a\r.\r\n", true},
      {"\n.\nQUIT\n", true},
      {"\n.\nquit\r\n", true},
      {"\n.\nQUIT", false},
      {"\n.\nQUIT x\n", false},
      {"\n.\n\n", false},
      {"\n..\n", false},
      {"\nx.\n", false},
      {"\n.\nx", false},        // it continues
      {"\n.\nx\r\n.\n", true},  // and ends again
      {"a\nb\r\n", false},
      {"a\r\n.", false},
      {"a\r\n.\r", false},  // may become the true end
  };
  for (const Row& row : kRows) {
    for (size_t cut = 1; cut <= row.content.size() + 1; ++cut) {
      for (const bool normalize : {false, true}) {
        SCOPED_TRACE(testing::PrintToString(std::string(row.content)));
        config_.bare_newlines =
            normalize ? BareNewlines::kNormalize : BareNewlines::kReject;
        Restart();
        Feed("EHLO c\r\nMAIL FROM:<s@x>\r\nRCPT TO:<u@d>\r\nDATA\r\n");
        TakeOutput();
        for (size_t at = 0; at < row.content.size(); at += cut) {
          Feed(row.content.substr(at, cut));
        }
        EXPECT_EQ(session().ReadTimeout(), absl::Minutes(5));
        EXPECT_EQ(session().IdleTimeout(),
                  row.briefly ? absl::Seconds(10) : absl::InfiniteDuration());
        session().TimedOut();
        Feed("");
        const absl::string_view reply = !row.briefly ? "421 4.4.2"
                                        : normalize  ? "451 4.5.2"
                                                     : "554 5.5.2";
        EXPECT_EQ(TakeOutput().substr(0, 9), reply);
        // The report is about the reply that was sent.
        const std::vector<Refusal> refusals = session().TakeRefusals();
        ASSERT_EQ(refusals.size(), 1u);
        EXPECT_EQ(FormatReply(refusals[0].reply).substr(0, 9), reply);
        EXPECT_EQ(refusals[0].content, row.briefly);
      }
    }
  }
}

TEST_F(ServerSessionTest, ReportsABareLfWithoutThePassword) {
  struct Row {
    absl::string_view wire;
    absl::string_view command;
  };
  constexpr Row kRows[] = {
      {"MAIL FROM:<s@x>\nRSET\r\n", "MAIL FROM:<s@x>"},
      {"AUTH PLAIN AHUAcA==\n", "AUTH PLAIN"},
      {"AUTH PLAIN\r\nAHUAcA==\n", "AUTH"},
      {"\n", ""},
  };
  config_.mechanisms_without_tls = {"PLAIN"};
  for (const Row& row : kRows) {
    Restart();
    Feed("EHLO c\r\n");
    in_ = std::string(row.wire);
    while (true) {
      const Step step = Advance();
      if (step.kind == Kind::kClosed) break;
      if (step.kind != Kind::kAsk) continue;
      ASSERT_TRUE(session().CompleteAuth(step.ask->id, AuthChallenge{}).ok());
    }
    const std::vector<Refusal> refusals = session().TakeRefusals();
    ASSERT_EQ(refusals.size(), 1u);
    EXPECT_EQ(refusals[0].command, row.command);
    EXPECT_EQ(refusals[0].reply.code, 500);
  }
}

// If the delivery is slow, or if the message may be valid, it is no refusal.
TEST_F(ServerSessionTest, DoesNotRefuseTheMessageInAnOutage) {
  config_.bare_newlines = BareNewlines::kNormalize;
  for (absl::string_view content : {"a\n.\n", "a\n.\r\n", "a\r\n.\r\n"}) {
    Restart();
    Feed("EHLO c\r\nMAIL FROM:<s@x>\r\nRCPT TO:<u@d>\r\nDATA\r\n");
    in_ = std::string(content);
    while (Advance().kind != Kind::kBody)
      continue;  // the delivery is taking it
    TakeOutput();
    EXPECT_EQ(session().IdleTimeout(), absl::InfiniteDuration());
    session().TimedOut();
    EXPECT_EQ(TakeOutput(), "421 4.4.2 timeout (#4.4.2)\r\n");
  }
  config_.bare_newlines = BareNewlines::kReject;
  Restart();
  Feed("EHLO c\r\nMAIL FROM:<s@x>\r\nRCPT TO:<u@d>\r\nDATA\r\n");
  TakeOutput();
  in_ = "a\n.\r\n.\r\n";  // with the true end
  while (Advance().kind != Kind::kNeedInput) continue;
  EXPECT_EQ(TakeOutput().substr(0, 9), "554 5.5.2");
  EXPECT_EQ(session().IdleTimeout(), absl::InfiniteDuration());
}

// The policy answers a registered verb that the configuration enables.
TEST_F(ServerSessionTest, AsksThePolicyAboutMoreVerbs) {
  ServerConfig config;
  config.greeting = "mx";
  config.more_verbs = {"ETRN"};
  ASSERT_EQ(config.Validate(), absl::OkStatus());
  ServerSession session(config);
  const auto next = [&](absl::string_view in) {
    const Step step = session.Advance(in);
    return step.kind == Step::Kind::kAsk ? step.ask : nullptr;
  };
  const auto output = [&] {
    std::string out(session.Output());
    session.OutputWritten(out.size());
    return out;
  };
  ASSERT_TRUE(session.Complete(next("")->id, Verdict::Accept()).ok());
  ASSERT_TRUE(session.Complete(next("EHLO c\r\n")->id, Verdict::Accept()).ok());
  EXPECT_TRUE(absl::StrContains(output(), "250-ETRN\r\n"));
  const Ask* ask = next("etrn  example.org \r\n");
  ASSERT_NE(ask, nullptr);
  const auto* other = std::get_if<Other>(&ask->what);
  ASSERT_NE(other, nullptr);
  EXPECT_EQ(other->verb, "ETRN");
  EXPECT_EQ(other->argument, "example.org");
  ASSERT_TRUE(session.Complete(ask->id, Verdict::Accept()).ok());
  EXPECT_EQ(output(), "250 2.0.0 ok\r\n");
  ask = next("ETRN x\r\n");
  const Reply no = {459, {4, 5, 1}, "not allowed"};
  ASSERT_TRUE(session.Complete(ask->id, Verdict::Refuse(no)).ok());
  EXPECT_EQ(output(), "459 4.5.1 not allowed\r\n");
  EXPECT_EQ(next("TURN\r\n"), nullptr);
  EXPECT_EQ(output(), "502 5.5.1 unimplemented (#5.5.1)\r\n");
  for (const char* bad : {"VRFY", "etrn", "XFOO", ""}) {
    config.more_verbs = {bad};
    EXPECT_FALSE(config.Validate().ok()) << bad;
  }
}

// Each reply is reported with its command, also in a pipelined group, and the
// sizes cut Output() into the replies.
TEST_F(ServerSessionTest, RepliesAreReportedWithTheirCommands) {
  config_.mechanisms_without_tls = {"PLAIN"};
  session().ReportReplies();
  Feed(
      "EHLO c\r\nAUTH PLAIN =\r\nNONSENSE\r\nMAIL FROM:<>\r\nRCPT TO:<\r\n"
      "RCPT TO:<u@d>\r\nNOOP\r\nDATA\r\nhi\r\n.\r\nMAIL FROM:<>\r\n"
      "RCPT TO:<u@d>\r\nBDAT 1\r\nxBDAT 1 LAST\r\n\nRSET\r\nQUIT\r\n");
  std::string all = TakeOutput();
  std::string seen;
  for (const GivenReply& reply : session().TakeReplies()) {
    absl::StrAppend(&seen, reply.verb.empty() ? "-" : reply.verb, ":",
                    reply.code, reply.asked ? "?" : "",
                    reply.content ? "." : "", " ");
    EXPECT_EQ(absl::StrCat(reply.code), all.substr(0, 3));
    all.erase(0, reply.size);
  }
  EXPECT_EQ(all, "");
  EXPECT_EQ(seen,
            "-:220? EHLO:250? AUTH:235? -:500 MAIL:250? RCPT:501 RCPT:250? "
            "NOOP:250 DATA:354? DATA:250?. MAIL:250? RCPT:250? BDAT:250? "
            "BDAT:554. RSET:250 QUIT:221 ");
  EXPECT_TRUE(session().TakeReplies().empty());
}

TEST_F(ServerSessionTest, RepliesToNoCommandAreReportedWithoutOne) {
  session().ReportReplies();
  Feed("NOOP\r\n");
  TakeOutput();
  (void)session().TakeReplies();
  session().TimedOut();
  const std::vector<GivenReply> replies = session().TakeReplies();
  ASSERT_EQ(replies.size(), 1u);
  EXPECT_EQ(replies[0].verb, "");
  EXPECT_EQ(replies[0].code, 421);
  EXPECT_FALSE(replies[0].asked);
}

}  // namespace
}  // namespace postern
