// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A session that continues another one.

#include <algorithm>
#include <memory>
#include <string>
#include <variant>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "engine/ask.h"
#include "engine/grammar/reply.h"
#include "engine/server_config.h"
#include "engine/server_session.h"
#include "engine/session_handoff.h"
#include "engine/step.h"
#include "gtest/gtest.h"

namespace postern {
namespace {

constexpr char kAuth[] = "AUTH PLAIN =\r\n";

// A client's session. AUTH PLAIN is granted, other mechanisms are refused.
// STARTTLS is accepted if `tls`, and TLS then starts at once.
class Dialogue {
 public:
  Dialogue(const ServerConfig& config, bool tls, bool handed_over)
      : config_(config),
        tls_(tls),
        handed_over_(handed_over),
        session_(std::make_unique<ServerSession>(config)) {}

  // Returns what the session replies to `bytes`, and the close reason if it
  // closes.
  std::string Feed(absl::string_view bytes) {
    std::string in(bytes);
    std::string out;
    while (true) {
      const Step step = session_->Advance(in);
      in.erase(0, step.consumed);
      switch (step.kind) {
        case Step::Kind::kAsk:
          Answer(*step.ask, &out);
          break;
        case Step::Kind::kStartTls:
          session_->TlsStarted({});
          break;
        case Step::Kind::kNeedInput:
          return out + Take();
        case Step::Kind::kClosed:
          return absl::StrCat(out, Take(), CloseReasonName(step.reason));
        case Step::Kind::kBody:
        case Step::Kind::kAborted:
        case Step::Kind::kNeedFlush:
        case Step::Kind::kWaiting:
          break;
      }
    }
  }

  const ServerSession& session() const { return *session_; }
  const SessionHandoff& handoff() const { return handoff_; }

 private:
  std::string Take() {
    std::string out(session_->Output());
    session_->OutputWritten(out.size());
    return out;
  }

  void Answer(const Ask& ask, std::string* out) {
    if (std::holds_alternative<StartTls>(ask.what)) {
      if (handed_over_) {
        handed_over_ = false;
        *out += Take();
        handoff_ = session_->handoff();
        session_ = std::make_unique<ServerSession>(config_, handoff_);
        return;
      }
      const Reply no = {454, {4, 7, 0}, "no"};
      EXPECT_TRUE(
          session_
              ->Complete(ask.id, tls_ ? Verdict::Accept() : Verdict::Refuse(no))
              .ok());
    } else if (const auto* begin = std::get_if<AuthBegin>(&ask.what)) {
      const Reply no = {535, {5, 7, 8}, "no"};
      if (begin->mechanism == "PLAIN") {
        EXPECT_TRUE(session_->CompleteAuth(ask.id, AuthGranted{"u"}).ok());
      } else {
        EXPECT_TRUE(session_->Complete(ask.id, Verdict::Refuse(no)).ok());
      }
    } else {
      EXPECT_TRUE(session_->Complete(ask.id, Verdict::Accept()).ok());
    }
  }

  const ServerConfig& config_;
  const bool tls_;
  bool handed_over_;
  std::unique_ptr<ServerSession> session_;
  SessionHandoff handoff_;
};

ServerConfig Config() {
  ServerConfig config;
  config.greeting = "mx";
  config.offer_starttls = true;
  config.mechanisms = {"PLAIN", "LOGIN"};
  config.mechanisms_without_tls = {"PLAIN", "LOGIN"};
  config.max_errors = 3;
  config.max_auth_failures = 2;
  config.max_messages = 2;
  return config;
}

struct Row {
  std::string before;  // before STARTTLS
  std::string after;
  absl::string_view tls;    // part of the replies to `after`, if TLS starts
  absl::string_view clear;  // the same, if STARTTLS is refused
};

TEST(ServerSessionHandoffTest, ContinuesAsTheOtherSessionWould) {
  const ServerConfig config = Config();
  const std::string mail = "MAIL FROM:<s@x>\r\n";
  const std::string mails = absl::StrCat(mail, "RSET\r\n", mail, "RSET\r\n");
  const std::string fail = "AUTH LOGIN =\r\n";
  const Row kRows[] = {
      {"", "NOOP\r\n", "250 2.0.0 ok", "250 2.0.0 ok"},
      {"", mail, "503 5.5.1", "503 5.5.1"},
      {"EHLO c\r\n", mail, "503 5.5.1", "250 2.1.0"},
      {"HELO c\r\n", mail, "503 5.5.1", "250 2.1.0"},
      {"HELO c\r\n", kAuth, "503 5.5.1", "235 2.7.0"},
      {"EHLO c\r\n", kAuth, "503 5.5.1", "235 2.7.0"},
      {"EHLO c\r\n", "NOOP\r\nNOOP\r\n", "250 2.0.0 ok", "250 2.0.0 ok"},
      {absl::StrCat("EHLO c\r\n", kAuth), absl::StrCat("EHLO c\r\n", kAuth),
       "235 2.7.0", "503 5.5.1"},
      {"x\r\nx\r\nx\r\n", "", "", ""},
      {"x\r\nx\r\n", "x\r\nNOOP\r\n", "421 4.7.0", "421 4.7.0"},
      {"x\r\n", "x\r\nNOOP\r\n", "250 2.0.0 ok", "250 2.0.0 ok"},
      {absl::StrCat("EHLO c\r\n", fail), absl::StrCat("EHLO c\r\n", fail, mail),
       "421 4.7.0", "421 4.7.0"},
      {absl::StrCat("EHLO c\r\n", mails), absl::StrCat("EHLO c\r\n", mail),
       "452 4.5.3", "452 4.5.3"},
  };
  for (const Row& row : kRows) {
    for (const bool tls : {true, false}) {
      SCOPED_TRACE(absl::StrCat(row.before, tls ? "TLS " : "454 ", row.after));
      Dialogue one(config, tls, /*handed_over=*/false);
      Dialogue two(config, tls, /*handed_over=*/true);
      EXPECT_EQ(two.Feed(row.before), one.Feed(row.before));
      EXPECT_EQ(two.Feed("STARTTLS\r\n"), one.Feed("STARTTLS\r\n"));
      const std::string said = one.Feed(row.after);
      EXPECT_EQ(two.Feed(row.after), said);
      EXPECT_TRUE(absl::StrContains(said, tls ? row.tls : row.clear)) << said;
      EXPECT_EQ(two.session().violations(), one.session().violations());
      EXPECT_EQ(two.session().identity(), one.session().identity());
      EXPECT_EQ(two.Feed("QUIT\r\n"), one.Feed("QUIT\r\n"));
    }
  }
}

TEST(ServerSessionHandoffTest, HandsOffTheCompleteState) {
  ServerConfig config = Config();
  Dialogue dialogue(config, /*tls=*/true, /*handed_over=*/true);
  dialogue.Feed(absl::StrCat("NOOP\r\nx\r\nEHLO c\r\nAUTH LOGIN =\r\n", kAuth,
                             "MAIL FROM:<s@x>\r\nRSET\r\n"));
  dialogue.Feed("STARTTLS\r\n");
  const SessionHandoff want = {.greeted = true,
                               .extended = true,
                               .identity = "u",
                               .errors = 2,
                               .auth_failures = 1,
                               .messages = 1,
                               .reported = 1,
                               .violations = {.pipelining = true}};
  EXPECT_EQ(dialogue.handoff(), want);
  EXPECT_EQ(ServerSession(config, want).violations(), want.violations);
}

// A client cannot fill the log by STARTTLS.
TEST(ServerSessionHandoffTest, ReportsNoMoreRefusalsThanOneSession) {
  ServerConfig config = Config();
  config.max_errors = 100;
  config.max_reported = 3;
  for (const int before : {0, 2, 3, 4}) {
    ServerSession session(config, {.reported = before});
    const Step asked = session.Advance("");
    ASSERT_EQ(asked.kind, Step::Kind::kAsk);
    const Reply no = {454, {4, 7, 0}, "no"};
    ASSERT_TRUE(session.Complete(asked.ask->id, Verdict::Refuse(no)).ok());
    const std::string in = "x\r\nx\r\nx\r\n";
    EXPECT_EQ(session.Advance(in).consumed, in.size());
    EXPECT_EQ(session.TakeRefusals().size(),
              static_cast<size_t>(std::max(3 - before, 0)));
    EXPECT_EQ(session.refused(), 4u);
  }
}

TEST(ServerSessionHandoffTest, RefusesPlaintextAfterAcceptingStartTls) {
  const ServerConfig config = Config();
  ServerSession session(config, SessionHandoff{});
  const Step asked = session.Advance("NOOP\r\n");
  ASSERT_EQ(asked.kind, Step::Kind::kAsk);
  ASSERT_TRUE(std::holds_alternative<StartTls>(asked.ask->what));
  EXPECT_EQ(asked.consumed, 0u);
  ASSERT_TRUE(session.Complete(asked.ask->id, Verdict::Accept()).ok());
  const Step step = session.Advance("NOOP\r\n");
  EXPECT_EQ(step.kind, Step::Kind::kClosed);
  EXPECT_EQ(step.reason, CloseReason::kAbuse);
  EXPECT_EQ(session.Output(), "220 2.0.0 ready\r\n");
}

TEST(ServerSessionHandoffTest, ShutdownBeforeTheQuestionReplies421) {
  const ServerConfig config = Config();
  ServerSession session(config, SessionHandoff{});
  session.Shutdown();
  EXPECT_EQ(session.Advance("").kind, Step::Kind::kClosed);
  EXPECT_EQ(std::string(session.Output()).substr(0, 9), "421 4.3.2");
}

}  // namespace
}  // namespace postern
