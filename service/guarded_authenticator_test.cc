// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "service/guarded_authenticator.h"

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "auth/refusal.h"
#include "engine/grammar/ip_address.h"
#include "gtest/gtest.h"
#include "log/log.h"
#include "policy/limits/attempt_limits.h"
#include "policy/shared/scripted_store.h"
#include "policy/shared/shared_attempts.h"

namespace postern::service {
namespace {

// The user name is the initial response. The response chooses the answer.
class FakeAuthenticator : public Authenticator {
 public:
  std::unique_ptr<AuthExchange> Begin(absl::string_view mechanism,
                                      const SharedSessionInfo&) override {
    if (mechanism == "NONE") return nullptr;
    return std::make_unique<Exchange>(this);
  }

  int asked = 0;
  std::function<void()> on_respond;

 private:
  class Exchange : public AuthExchange {
   public:
    explicit Exchange(FakeAuthenticator* owner) : owner_(*owner) {}
    void Start(std::optional<std::string> initial, Done done) override {
      ++owner_.asked;
      user_ = initial.value_or("");
      std::move(done)(AuthChallenge{"?"});
    }
    void Respond(std::string response, Done done) override {
      if (owner_.on_respond) owner_.on_respond();
      if (response == "right") return std::move(done)(AuthGranted{user_});
      if (response == "proof") {
        return std::move(done)(
            AuthChallenge{"v=", AuthChallenge::Reveals::kRight});
      }
      if (response == "token") {
        return std::move(done)(
            AuthChallenge{"{}", AuthChallenge::Reveals::kWrong});
      }
      if (response == "wrong") {
        return std::move(done)(auth::WrongCredentials());
      }
      if (response == "garbage") return std::move(done)(auth::Malformed());
      std::move(done)(auth::Outage());
    }
    absl::string_view user() const override { return user_; }

   private:
    FakeAuthenticator& owner_;
    std::string user_;
  };
};

class Lines : public log::LogSink {
 public:
  void Add(absl::string_view line) override { text += std::string(line); }
  std::string text;
};

class GuardedAuthenticatorTest : public testing::Test {
 protected:
  GuardedAuthenticatorTest() {
    auto info = std::make_shared<SessionInfo>();
    info->remote_address = IpAddress::Parse("192.0.2.1");
    session_ = std::move(info);
    log::SetLogSink(&lines_);
  }
  ~GuardedAuthenticatorTest() override { log::SetLogSink(nullptr); }

  static policy::AttemptLimits::Limits Few() {
    policy::AttemptLimits::Limits limits;
    limits.of_client = 3;
    limits.of_user = 2;
    return limits;
  }

  // Tries to authenticate `user` with these responses, separated by blanks, and
  // then disconnects. Returns the reply codes and the challenges, with a "+"
  // for each delay.
  std::string Try(const std::string& user, absl::string_view responses) {
    GuardedAuthenticator guarded(
        fake_, {.limits = &limits_,
                .delay = absl::Seconds(3),
                .after =
                    [this](absl::Duration delay, auto task) {
                      EXPECT_EQ(delay, absl::Seconds(3));
                      later_.push_back(std::move(task));
                    },
                .now = [] { return int64_t{0}; },
                .user_key =
                    [](absl::string_view mechanism, absl::string_view name) {
                      EXPECT_EQ(mechanism, "PLAIN");
                      return absl::AsciiStrToLower(name);
                    },
                .count =
                    [this](absl::string_view mechanism, AuthOutcome outcome) {
                      absl::StrAppend(&counted_, mechanism, ":",
                                      AuthOutcomeName(outcome), " ");
                    }});
    const auto exchange = guarded.Begin("PLAIN", session_);
    std::string result;
    const auto done = [&result](AuthAnswer answer) {
      if (std::holds_alternative<AuthGranted>(answer)) result += "235";
      if (const auto* challenge = std::get_if<AuthChallenge>(&answer)) {
        if (challenge->bytes != "?") result += challenge->bytes;
      }
      if (const auto* verdict = std::get_if<Verdict>(&answer)) {
        const Reply& reply = *verdict->reply();
        absl::StrAppend(&result, reply.code);
        // RFC 4954 6.
        if (reply.code == 454) {
          EXPECT_EQ(reply.enhanced, (EnhancedCode{4, 7, 0}));
        }
      }
    };
    // Delayed answers come after the immediate ones.
    const auto wait = [&] {
      while (!later_.empty()) {
        result += "+";
        auto task = std::move(later_.front());
        later_.pop_front();
        std::move(task)();
      }
    };
    exchange->Start(user, done);
    wait();
    for (const absl::string_view response :
         absl::StrSplit(responses, ' ', absl::SkipEmpty())) {
      // The exchange has ended.
      if (result.size() > 2 && absl::ascii_isdigit(result.back())) break;
      exchange->Respond(std::string(response), done);
      wait();
    }
    return result;
  }

  // Returns the log lines about AUTH, without the text before "auth".
  std::vector<std::string> LoggedAttempts() const {
    std::vector<std::string> lines;
    for (absl::string_view line : absl::StrSplit(lines_.text, '\n')) {
      const size_t begin = line.find("auth ");
      if (begin != line.npos) lines.emplace_back(line.substr(begin));
    }
    return lines;
  }

  std::shared_ptr<FakeAuthenticator> fake_ =
      std::make_shared<FakeAuthenticator>();
  policy::AttemptLimits limits_{Few()};
  std::deque<absl::AnyInvocable<void() &&>> later_;
  SharedSessionInfo session_;
  Lines lines_;
  std::string counted_;
};

TEST_F(GuardedAuthenticatorTest, DelaysEverythingExceptSuccess) {
  EXPECT_EQ(Try("a", "right"), "235");
  EXPECT_EQ(Try("a", "wrong"), "+535");
  EXPECT_EQ(Try("a", "outage"), "+454");
  EXPECT_EQ(Try("a", "garbage"), "+501");
  EXPECT_EQ(counted_,
            "PLAIN:success PLAIN:failure PLAIN:outage PLAIN:malformed ");
}

TEST_F(GuardedAuthenticatorTest, WritesALineForEachAttempt) {
  Try("a", "right");
  Try("b <x>", "wrong");
  Try("", "garbage");
  EXPECT_EQ(LoggedAttempts(),
            (std::vector<std::string>{
                "auth result=success ip=192.0.2.1 mechanism=PLAIN user=a",
                "auth result=failure ip=192.0.2.1 mechanism=PLAIN "
                "user=b\\x20\\x3cx\\x3e",
                "auth result=malformed ip=192.0.2.1 mechanism=PLAIN"}));
}

TEST_F(GuardedAuthenticatorTest, TooManyFailuresStopTheBackend) {
  for (const char* user : {"a", "b", "c"}) {
    EXPECT_EQ(Try(user, "wrong"), "+535");
  }
  EXPECT_EQ(fake_->asked, 3);
  EXPECT_EQ(Try("d", "right"), "+454");
  EXPECT_EQ(fake_->asked, 3);
}

TEST_F(GuardedAuthenticatorTest, RightGuessLooksWrongAfterTooManyFailures) {
  EXPECT_EQ(Try("a", "wrong"), "+535");
  EXPECT_EQ(Try("a", "wrong"), "+535");
  EXPECT_EQ(Try("a", "right"), "+535");
  EXPECT_EQ(counted_, "PLAIN:failure PLAIN:failure PLAIN:limit ");
}

// SCRAM's last challenge comes before the end and proves as much as a 235.
TEST_F(GuardedAuthenticatorTest, RightProofLooksWrongAfterTooManyFailures) {
  EXPECT_EQ(Try("a", "proof right"), "v=235");
  limits_.Failed(IpAddress::Parse("192.0.2.1"), "a", 0);
  EXPECT_EQ(Try("a", "proof right"), "v=235");
  limits_.Failed(IpAddress::Parse("192.0.2.1"), "a", 0);
  limits_.Failed(IpAddress::Parse("192.0.2.1"), "a", 0);
  EXPECT_EQ(Try("a", "proof right"), "+535");
  EXPECT_EQ(counted_, "PLAIN:success PLAIN:success PLAIN:limit ");
}

// A client that only tries passwords disconnects when SCRAM has shown that one
// is right. The attempt is logged and counted.
TEST_F(GuardedAuthenticatorTest, ProofWithoutALoginIsAFailure) {
  EXPECT_EQ(Try("a", "proof"), "v=");
  EXPECT_EQ(Try("a", "proof garbage"), "v=+501");
  EXPECT_EQ(LoggedAttempts(),
            (std::vector<std::string>(
                2,
                "auth result=unconfirmed ip=192.0.2.1 mechanism=PLAIN "
                "user=a")));
  EXPECT_EQ(counted_, "PLAIN:unconfirmed PLAIN:unconfirmed ");
  // First the limit of the user applies, then the limit of the client.
  EXPECT_EQ(Try("a", "proof right"), "+535");
  EXPECT_EQ(Try("b", "right"), "+454");
}

// The challenge that says that a token is wrong reveals as much as a 535.
TEST_F(GuardedAuthenticatorTest, ChallengeThatRevealsAFailureIsAFailure) {
  EXPECT_EQ(Try("a", "token"), "+{}");
  EXPECT_EQ(counted_, "PLAIN:failure ");
  // The failure is counted, logged and delayed once, whatever the client sends
  // afterwards.
  EXPECT_EQ(Try("a", "token wrong"), "+{}535");
  EXPECT_EQ(LoggedAttempts(),
            (std::vector<std::string>(
                2,
                "auth result=failure ip=192.0.2.1 mechanism=PLAIN "
                "user=a")));
  EXPECT_EQ(Try("a", "right"), "+535");
  EXPECT_EQ(Try("b", "right"), "+454");
}

// The client has tried no password, but the number of attempts is limited.
TEST_F(GuardedAuthenticatorTest, DisconnectedClientCounts) {
  for (const char* user : {"a", "", "c"}) {
    EXPECT_EQ(Try(user, ""), "");
  }
  EXPECT_EQ(LoggedAttempts(),
            (std::vector<std::string>{
                "auth result=cancelled ip=192.0.2.1 mechanism=PLAIN user=a",
                "auth result=cancelled ip=192.0.2.1 mechanism=PLAIN",
                "auth result=cancelled ip=192.0.2.1 mechanism=PLAIN user=c"}));
  EXPECT_EQ(Try("d", "right"), "+454");
}

TEST_F(GuardedAuthenticatorTest, ExchangeWithoutStartIsNoAttempt) {
  GuardedAuthenticator guarded(fake_, {.limits = &limits_});
  EXPECT_NE(guarded.Begin("PLAIN", session_), nullptr);
  EXPECT_EQ(lines_.text, "");
}

// Failures are counted by user, for all spellings of the user name.
TEST_F(GuardedAuthenticatorTest, SpellingsOfOneUserShareALimit) {
  EXPECT_EQ(Try("Alice", "wrong"), "+535");
  EXPECT_EQ(Try("ALICE", "wrong"), "+535");
  EXPECT_EQ(Try("alice", "right"), "+535");
  EXPECT_EQ(counted_, "PLAIN:failure PLAIN:failure PLAIN:limit ");
}

// Each challenge is checked, because failures may be added during the exchange.
TEST_F(GuardedAuthenticatorTest, ChecksTheLimitAtEachChallenge) {
  fake_->on_respond = [this] {
    limits_.Failed(IpAddress::Parse("192.0.2.1"), "a", 0);
    limits_.Failed(IpAddress::Parse("192.0.2.1"), "a", 0);
  };
  EXPECT_EQ(Try("a", "proof"), "+535");
}

// If a checker fails, the client has as many attempts as its limit, and a right
// password does not look wrong.
TEST_F(GuardedAuthenticatorTest, OutageCountsOnlyForTheClient) {
  EXPECT_EQ(Try("a", "outage"), "+454");
  EXPECT_EQ(Try("a", "outage"), "+454");
  EXPECT_EQ(Try("a", "right"), "235");
  EXPECT_EQ(Try("a", "outage"), "+454");
  EXPECT_EQ(fake_->asked, 4);
  EXPECT_EQ(Try("a", "right"), "+454");
  EXPECT_EQ(fake_->asked, 4);
  EXPECT_EQ(counted_,
            "PLAIN:outage PLAIN:outage PLAIN:success PLAIN:outage "
            "PLAIN:limit ");
}

TEST_F(GuardedAuthenticatorTest, InvalidMessagesCountOnlyForTheClient) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Try("a", "garbage"), "+501");
  EXPECT_EQ(Try("a", "right"), "+454");
}

// Several servers count together, and their answers come later.
TEST_F(GuardedAuthenticatorTest, WaitsForTheAnswersOfTheLimits) {
  policy::ScriptedStore store;
  policy::SharedAttempts shared(&limits_, &store);
  GuardedAuthenticator guarded(
      fake_, {.limits = &shared,
              .after = [](absl::Duration, auto task) { std::move(task)(); },
              .now = [] { return int64_t{0}; }});
  const auto answer = [&store](int64_t number) {
    auto done = std::move(store.open.front());
    store.open.pop_front();
    std::move(done)(policy::SharedStore::Numbers{number});
  };
  std::vector<AuthAnswer> answers;
  const auto add = [&answers](AuthAnswer each) {
    answers.push_back(std::move(each));
  };
  const auto exchange = guarded.Begin("PLAIN", session_);
  exchange->Start("a", add);
  EXPECT_EQ(fake_->asked, 0);
  answer(1);
  EXPECT_EQ(fake_->asked, 1);
  EXPECT_TRUE(answers.empty());
  answer(1);
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_TRUE(std::holds_alternative<AuthChallenge>(answers[0]));
  // The password is right, and the client has failed too often elsewhere.
  exchange->Respond("right", add);
  EXPECT_EQ(answers.size(), 1u);
  answer(0);
  ASSERT_EQ(answers.size(), 2u);
  EXPECT_EQ(std::get<Verdict>(answers[1]).reply()->code, 535);
  // A client that may not try at all costs no backend.
  const auto refused = guarded.Begin("PLAIN", session_);
  refused->Start("a", add);
  answer(0);
  ASSERT_EQ(answers.size(), 3u);
  EXPECT_EQ(std::get<Verdict>(answers[2]).reply()->code, 454);
  EXPECT_EQ(fake_->asked, 1);
}

TEST_F(GuardedAuthenticatorTest, UnknownMechanismHasNoExchange) {
  GuardedAuthenticator guarded(fake_, {.limits = &limits_});
  EXPECT_EQ(guarded.Begin("NONE", session_), nullptr);
}

}  // namespace
}  // namespace postern::service
