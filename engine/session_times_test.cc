// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Tests each rule of engine/session_times.cc in virtual time.

#include "engine/session_times.h"

#include <algorithm>
#include <functional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/ask.h"
#include "engine/served_session.h"
#include "engine/session_rig.h"
#include "gtest/gtest.h"

namespace postern {
namespace {

using Kind = ServedSession::Next::Kind;

// All timeouts differ, so that no rule can take the place of another.
void SetTimes(SessionRig* rig) {
  rig->times.session_timeout = absl::Seconds(10'000);
  rig->times.write_timeout = absl::Seconds(401);
  rig->times.answer_timeout = absl::Seconds(402);
  rig->times.preface_timeout = absl::Seconds(11);
  rig->times.admission_timeout = absl::Seconds(61);
  rig->times.handshake_timeout = absl::Seconds(62);
  rig->times.linger = absl::Seconds(2);
  rig->config.command_timeout = absl::Seconds(301);
  rig->config.data_timeout = absl::Seconds(302);
  rig->config.bare_newline_timeout = absl::Seconds(10);
}

// A way to hold a connection open.
struct Hold {
  absl::string_view rule;  // the rule that ends it
  SessionStage stage;
  std::function<void(SessionRig&)> begin;  // brings it into the stage
  absl::Duration deadline;                 // from the start of the hold
  // The start of the replies that the client gets at the deadline.
  absl::string_view reply;
  SessionStage then = SessionStage::kClosed;
};

const std::vector<Hold>& Holds() {
  static const absl::string_view k421 = "421 4.4.2 timeout (#4.4.2)\r\n";
  static const auto* const holds = new std::vector<Hold>{
      {"preface", SessionStage::kPreface,
       [](SessionRig& rig) {
         rig.Connect();
         rig.session->AwaitPreface();
         rig.Go();
       },
       absl::Seconds(11), ""},
      {"admission", SessionStage::kAdmission,
       [](SessionRig& rig) {
         rig.Connect();
         rig.Go();
       },
       absl::Seconds(61), "421 4.3.2 too busy, try again later (#4.3.2)\r\n",
       SessionStage::kFinish},
      {"admission", SessionStage::kAdmission,
       [](SessionRig& rig) {
         rig.options.tls_first = true;
         rig.Connect();
         rig.Go();
       },
       absl::Seconds(61), ""},
      {"handshake", SessionStage::kHandshake,
       [](SessionRig& rig) {
         rig.options.tls_first = true;
         rig.Begin();
       },
       absl::Seconds(62), ""},
      {"handshake", SessionStage::kHandshake,
       [](SessionRig& rig) {
         rig.Begin();
         rig.Send("STARTTLS\r\n");
       },
       absl::Seconds(62), ""},
      {"handshake, by the end of the session", SessionStage::kHandshake,
       [](SessionRig& rig) {
         rig.options.tls_first = true;
         rig.times.session_timeout = absl::Seconds(5);
         rig.Begin();
       },
       absl::Seconds(5), ""},
      {"greeting", SessionStage::kGreetDelay,
       [](SessionRig& rig) {
         rig.times.greet_delay = absl::Seconds(20);
         rig.Begin();
       },
       absl::Seconds(20), "220 mx ESMTP\r\n", SessionStage::kInput},
      {"session", SessionStage::kGreetDelay,
       [](SessionRig& rig) {
         rig.times.greet_delay = absl::Seconds(20);
         rig.times.session_timeout = absl::Seconds(5);
         rig.Begin();
       },
       absl::Seconds(5), k421, SessionStage::kFinish},
      {"command or content", SessionStage::kInput,
       [](SessionRig& rig) { rig.Begin(); }, absl::Seconds(301), k421,
       SessionStage::kFinish},
      {"command or content", SessionStage::kInput,
       [](SessionRig& rig) {
         rig.Begin();
         rig.Send("EHLO c\r\nAUTH PLAIN\r\n");
       },
       absl::Seconds(301), k421, SessionStage::kFinish},
      {"command or content", SessionStage::kInput,
       [](SessionRig& rig) {
         rig.Begin();
         rig.Send(absl::StrCat(kRigEnvelope, "text\r\n"));
       },
       absl::Seconds(302), k421, SessionStage::kFinish},
      {"command or content", SessionStage::kInput,
       [](SessionRig& rig) {
         rig.Begin();
         rig.Send("BDAT 70000\r\n");  // discarded
       },
       absl::Seconds(302), k421, SessionStage::kFinish},
      {"refused content that ends in LF.LF", SessionStage::kInput,
       [](SessionRig& rig) {
         rig.Begin();
         rig.Send(absl::StrCat(kRigEnvelope, "text\n.\n"));
       },
       absl::Seconds(10), "554 5.5.2 bare LF in line 1", SessionStage::kFinish},
      {"rate of content", SessionStage::kInput,
       [](SessionRig& rig) {
         rig.times.pace = {.min_rate = 100, .grace = absl::Seconds(30)};
         rig.Begin();
         rig.Send(kRigEnvelope);
       },
       absl::Seconds(30), k421, SessionStage::kFinish},
      {"session", SessionStage::kInput,
       [](SessionRig& rig) {
         rig.times.session_timeout = absl::Seconds(5);
         rig.Begin();
       },
       absl::Seconds(5), k421, SessionStage::kFinish},
      {"replies", SessionStage::kInput,
       [](SessionRig& rig) {
         rig.config.command_timeout = absl::Seconds(500);
         rig.takes = 0;
         rig.Begin();
       },
       absl::Seconds(401), ""},
      {"replies", SessionStage::kFlush,
       [](SessionRig& rig) {
         rig.Begin();
         rig.takes = 0;
         std::string noops;
         for (int i = 0; i < 1000; ++i) noops += "NOOP\r\n";
         rig.Send(noops);
       },
       absl::Seconds(401), ""},
      {"replies", SessionStage::kStartTls,
       [](SessionRig& rig) {
         rig.Begin();
         rig.takes = 0;
         rig.Send("STARTTLS\r\n");
       },
       absl::Seconds(401), ""},
      {"replies", SessionStage::kLastReply,
       [](SessionRig& rig) {
         rig.Begin();
         rig.takes = 0;
         rig.Send("QUIT\r\n");
       },
       absl::Seconds(401), ""},
      {"last reply", SessionStage::kLastReply,
       [](SessionRig& rig) {
         rig.Begin();
         rig.takes = 0;
         rig.now = rig.now + absl::Seconds(9'950);
         rig.Send("QUIT\r\n");
       },
       absl::Seconds(50), ""},
      {"last reply", SessionStage::kLastReply,
       [](SessionRig& rig) {
         rig.Connect();
         rig.takes = 0;
         rig.session->Refuse({421, {}, "too many"});
         rig.Go();
       },
       absl::Seconds(2), ""},
      {"answer", SessionStage::kAnswer,
       [](SessionRig& rig) {
         rig.ports.holds = [](const Ask& ask) {
           return std::holds_alternative<Mail>(ask.what);
         };
         rig.Begin();
         rig.Send(kRigEnvelope);
       },
       absl::Seconds(402), k421, SessionStage::kFinish},
      {"answer", SessionStage::kContentBlocked,
       [](SessionRig& rig) {
         rig.ports.delivery_is_full = true;
         rig.Begin();
         rig.Send(absl::StrCat(kRigEnvelope, "text\r\n"));
       },
       absl::Seconds(402), k421, SessionStage::kFinish},
      {"answer", SessionStage::kTlsQuestion,
       [](SessionRig& rig) {
         rig.options.asks_for_tls = true;
         rig.Begin();
         rig.Send("STARTTLS\r\n");
       },
       absl::Seconds(402), k421, SessionStage::kFinish},
      {"linger", SessionStage::kFinish,
       [](SessionRig& rig) {
         rig.Begin();
         rig.Send("GET / HTTP/1.0\r\n");
       },
       absl::Seconds(2), ""},
      {"linger", SessionStage::kDiscard,
       [](SessionRig& rig) {
         rig.Begin();
         rig.Send("GET / HTTP/1.0\r\n");
         rig.session->OutputEnded();
         rig.Go();
       },
       absl::Seconds(2), ""},
  };
  return *holds;
}

std::string Name(const Hold& hold) {
  return absl::StrCat(hold.rule, " in stage ", static_cast<int>(hold.stage));
}

TEST(SessionTimesTest, EachRuleEndsItsStageAtItsDeadline) {
  std::set<std::string> rules;
  for (const Hold& hold : Holds()) {
    SCOPED_TRACE(Name(hold));
    rules.emplace(hold.rule);
    SessionRig rig;
    SetTimes(&rig);
    hold.begin(rig);
    ASSERT_EQ(rig.session->stage(), hold.stage);
    EXPECT_EQ(rig.left(), hold.deadline);
    rig.TakeReplies();
    // Not a nanosecond earlier.
    rig.now = rig.session->deadline() + -absl::Nanoseconds(1);
    rig.session->OnDeadline(rig.now);
    rig.Go();
    EXPECT_EQ(rig.session->stage(), hold.stage);
    EXPECT_EQ(rig.replies, "");
    rig.Pass(absl::Nanoseconds(1));
    EXPECT_EQ(rig.session->stage(), hold.then);
    EXPECT_EQ(rig.replies.substr(0, hold.reply.size()), hold.reply);
    if (hold.reply.empty()) {
      EXPECT_EQ(rig.replies, "");
    }
  }
  // The table has a rule for each stage, and the test has used each rule.
  std::set<SessionStage> stages;
  for (const TimeRule& rule : TimeRules()) {
    EXPECT_EQ(rules.count(std::string(rule.name)), 1u) << rule.name;
    for (int i = 0; i < kSessionStages; ++i) {
      const SessionStage stage = static_cast<SessionStage>(i);
      if (rule.AppliesIn(stage)) stages.insert(stage);
    }
  }
  EXPECT_EQ(stages.size(), static_cast<size_t>(kSessionStages - 1));
  EXPECT_EQ(stages.count(SessionStage::kRunning), 0u);
}

// What a client can do instead of what the connection waits for.
enum class Peer : uint8_t {
  kSilent,     // nothing
  kTrickling,  // sends one octet per second
  kReading,    // reads one octet of the replies per second
};

// Runs until the connection ends, by deadlines and by what `peer` does only.
// Returns how long that took.
absl::Duration TimeToTheEnd(SessionRig* rig, Peer peer) {
  for (int i = 0; i < 100'000; ++i) {
    rig->Go();
    const ServedSession::Next& next = rig->next;
    if (next.kind == Kind::kClose) return rig->now - rig->began;
    EXPECT_LT(rig->session->deadline(), Instant::Never());
    if (peer != Peer::kSilent && rig->left() > absl::Seconds(1)) {
      if (peer == Peer::kTrickling && next.read) rig->client += "x";
      if (peer == Peer::kTrickling && next.kind == Kind::kDiscard) {
        rig->session->Discarded(1);
      }
      if (peer == Peer::kReading) rig->takes = 1;
      rig->Pass(absl::Seconds(1));
    } else {
      rig->Pass(rig->left());
    }
  }
  ADD_FAILURE() << "no end";
  return absl::InfiniteDuration();
}

TEST(SessionTimesTest, NoClientHoldsAConnectionLongerThanItsLimit) {
  for (const Hold& hold : Holds()) {
    for (const Peer peer : {Peer::kSilent, Peer::kTrickling, Peer::kReading}) {
      SCOPED_TRACE(absl::StrCat(Name(hold), ", peer ", static_cast<int>(peer)));
      SessionRig rig;
      SetTimes(&rig);
      hold.begin(rig);
      const SessionTimes& times = rig.times;
      const absl::Duration bound =
          std::max(times.preface_timeout + times.admission_timeout,
                   times.session_timeout) +
          3 * times.linger;
      EXPECT_LE(TimeToTheEnd(&rig, peer), bound);
    }
  }
}

// One octet per second does not delay a deadline.
TEST(SessionTimesTest, TricklingOctetsExtendNoDeadline) {
  for (const Hold& hold : Holds()) {
    if (hold.rule == "refused content that ends in LF.LF" ||
        hold.rule == "greeting" || hold.stage == SessionStage::kGreetDelay) {
      continue;  // an octet ends these
    }
    for (const Peer peer : {Peer::kTrickling, Peer::kReading}) {
      SCOPED_TRACE(absl::StrCat(Name(hold), ", peer ", static_cast<int>(peer)));
      SessionRig rig;
      SetTimes(&rig);
      hold.begin(rig);
      const Instant deadline = rig.session->deadline();
      while (rig.left() > absl::Seconds(1)) {
        if (peer == Peer::kReading) {
          rig.takes = 1;
        } else if (hold.stage == SessionStage::kInput) {
          rig.client += "x";
        }
        rig.Pass(absl::Seconds(1));
        const bool taken = rig.session->output().empty();
        if (rig.session->stage() != hold.stage) break;
        if (hold.rule == "replies" && taken) break;
        ASSERT_LE(rig.session->deadline(), deadline);
      }
    }
  }
}

}  // namespace
}  // namespace postern
