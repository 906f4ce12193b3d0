// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/spf_check.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/grammar/reply.h"
#include "gtest/gtest.h"
#include "policy/control/controls.h"

namespace postern::policy {
namespace {

// Answers with what the test sets, at once or when the test says so.
class FakeSpf : public Spf {
 public:
  void Check(SpfQuestion question, Done done) override {
    asked.push_back(std::move(question));
    if (late) {
      open.push_back(std::move(done));
    } else {
      std::move(done)(answer);
    }
  }

  SpfAnswer answer = {SpfResult::kFail, "-all", "x.example", ""};
  std::vector<SpfQuestion> asked;
  std::vector<Done> open;
  bool late = false;
};

class SpfCheckTest : public testing::Test {
 protected:
  SpfCheckTest() {
    session_.session_id = "abc";
    session_.remote_address = IpAddress::Parse("192.0.2.1");
    session_.hello_name = "h.example";
    Use("default");
  }

  absl::StatusOr<std::unique_ptr<const Check>> Make(const std::string& value,
                                                    bool with_spf = true) {
    CheckSetup setup;
    setup.option = [&](absl::string_view name) {
      EXPECT_EQ(name, "spf");
      return value;
    };
    if (with_spf) setup.spf = &spf_;
    auto controls = std::make_shared<Controls>();
    controls->me = "mx.me.example";
    setup.controls = std::move(controls);
    setup.note = [this](const Question&, const Verdict& verdict) {
      noted_.push_back(absl::StrCat(verdict.rule(), " ", verdict.source()));
    };
    return MakeSpf(setup);
  }
  void Use(const std::string& value) {
    auto made = Make(value);
    ASSERT_TRUE(made.ok()) << made.status();
    check_ = *std::move(made);
  }

  // Asks about a recipient. Returns the index in answers_.
  size_t Ask() {
    const size_t index = answers_.size();
    answers_.emplace_back();
    auto ask = std::make_unique<postern::Ask>();
    ask->what =
        Rcpt{.from = from_, .to = {"u", "local.example"}, .message = message_};
    auto session = std::make_unique<SharedSessionInfo>(
        std::make_shared<const SessionInfo>(session_));
    auto question = std::make_unique<Question>(*ask, *session);
    Opinion opinion = check_->Decide(question.get());
    if (std::holds_alternative<NoOpinion>(opinion)) {
      answers_[index] = "exempt";
      return index;
    }
    EXPECT_TRUE(std::holds_alternative<AnswersLater>(opinion));
    Question* const raw = question.get();
    check_->DecideLater(
        raw, [this, index, ask = std::move(ask), session = std::move(session),
              question = std::move(question)](Opinion opinion) {
          EXPECT_FALSE(answers_[index].has_value());
          const Verdict* const verdict = std::get_if<Verdict>(&opinion);
          answers_[index] =
              verdict == nullptr
                  ? question->header().substr(0, question->header().find('\r'))
                  : FormatReply(*verdict->reply());
          header_ = question->header();
          source_ = verdict == nullptr ? "" : verdict->source();
        });
    return index;
  }
  std::string Answer() { return answers_[Ask()].value_or("open"); }
  std::string Answer(SpfResult result) {
    ++message_;
    spf_.answer.result = result;
    return Answer().substr(0, 10);
  }

  FakeSpf spf_;
  SessionInfo session_;
  Path from_ = {"s", "x.example"};
  int message_ = 1;
  std::unique_ptr<const Check> check_;
  std::vector<std::optional<std::string>> answers_;
  std::vector<std::string> noted_;
  std::string header_;
  std::string source_;
};

TEST_F(SpfCheckTest, EachResultHasItsAction) {
  struct {
    std::string option;
    std::string variable;  // empty: not set
    std::string fail, softfail, permerror, temperror;
  } const cases[] = {
      {"default", "", "550 5.7.23", "Received-S", "Received-S", "451 4.7.24"},
      {"accept", "", "Received-S", "Received-S", "Received-S", "Received-S"},
      {"softfail=refuse,permerror=tempfail", "", "550 5.7.23", "550 5.7.23",
       "451 4.7.24", "451 4.7.24"},
      {"fail=tempfail,permerror=refuse,temperror=accept", "", "451 4.7.23",
       "Received-S", "550 5.7.24", "Received-S"},
      {"accept", "0", "exempt", "exempt", "exempt", "exempt"},
      {"default", "1", "Received-S", "Received-S", "Received-S", "Received-S"},
      {"default", "2", "Received-S", "Received-S", "Received-S", "451 4.7.24"},
      {"accept", "3", "550 5.7.23", "Received-S", "Received-S", "451 4.7.24"},
      {"accept", "4", "550 5.7.23", "550 5.7.23", "Received-S", "451 4.7.24"},
      {"accept", "5", "550 5.7.23", "550 5.7.23", "Received-S", "451 4.7.24"},
      {"accept", "6", "550 5.7.23", "550 5.7.23", "550 5.7.24", "451 4.7.24"},
      // What is no level does not turn the check off.
      {"fail=refuse", "7", "550 5.7.23", "Received-S", "Received-S",
       "451 4.7.24"},
      {"fail=refuse", "x", "550 5.7.23", "Received-S", "Received-S",
       "451 4.7.24"},
      {"fail=refuse", "-1", "550 5.7.23", "Received-S", "Received-S",
       "451 4.7.24"},
  };
  for (const auto& c : cases) {
    Use(c.option);
    session_.environment.clear();
    if (!c.variable.empty()) {
      session_.environment.emplace_back("SPFBEHAVIOR", c.variable);
    }
    SCOPED_TRACE(c.option + " " + c.variable);
    EXPECT_EQ(Answer(SpfResult::kFail), c.fail);
    EXPECT_EQ(Answer(SpfResult::kSoftFail), c.softfail);
    EXPECT_EQ(Answer(SpfResult::kPermError), c.permerror);
    EXPECT_EQ(Answer(SpfResult::kTempError), c.temperror);
    for (const SpfResult result :
         {SpfResult::kNone, SpfResult::kNeutral, SpfResult::kPass}) {
      EXPECT_EQ(Answer(result), c.variable == "0" ? "exempt" : "Received-S");
    }
  }
}

// Neither is asked about, nor has a Received-SPF field.
TEST_F(SpfCheckTest, RelayClientsAndUsersAreExempt) {
  session_.relay_client = "";
  EXPECT_EQ(Answer(), "exempt");
  session_.relay_client.reset();
  session_.identity = "user";
  EXPECT_EQ(Answer(), "exempt");
  session_.identity.clear();
  session_.remote_address.reset();
  EXPECT_EQ(Answer(), "exempt");
  EXPECT_TRUE(spf_.asked.empty());
  EXPECT_EQ(header_, "");
}

TEST_F(SpfCheckTest, AsksAboutTheSenderOrTheGreeting) {
  Answer();
  from_ = {"\xc3\xa9",
           "b\xc3\xbc"
           "cher.Example."};
  ++message_;
  Answer();
  from_ = {};
  ++message_;
  session_.local_name = "mx.local.example";
  Answer();
  ASSERT_EQ(spf_.asked.size(), 3u);
  EXPECT_EQ(spf_.asked[2].receiver, "mx.local.example");
  EXPECT_EQ(spf_.asked[0].local_part, "s");
  EXPECT_EQ(spf_.asked[0].domain, "x.example");
  EXPECT_EQ(spf_.asked[0].helo, "h.example");
  EXPECT_EQ(spf_.asked[0].receiver, "mx.me.example");
  EXPECT_EQ(spf_.asked[0].client, *IpAddress::Parse("192.0.2.1"));
  EXPECT_EQ(spf_.asked[1].domain, "xn--bcher-kva.example");
  EXPECT_EQ(spf_.asked[2].local_part, "");
  EXPECT_EQ(spf_.asked[2].domain, "h.example");
  EXPECT_EQ(source_, "fail of helo h.example: -all");
}

TEST_F(SpfCheckTest, RefusalShowsWhoExplains) {
  spf_.answer.explanation = "see http://x.example/";
  EXPECT_EQ(Answer(),
            "550 5.7.23 sorry, the SPF policy of x.example does not permit "
            "192.0.2.1 to send its mail (#5.7.23); the domain explains: see "
            "http://x.example/\r\n");
  EXPECT_EQ(source_, "fail of mailfrom x.example: -all");
}

// A transaction has one result, so the message gets one field.
TEST_F(SpfCheckTest, OneQuestionForATransaction) {
  Use("accept");
  spf_.late = true;
  const size_t first = Ask();
  const size_t second = Ask();
  ASSERT_EQ(spf_.open.size(), 1u);
  EXPECT_FALSE(answers_[second].has_value());
  std::move(spf_.open[0])(spf_.answer);
  EXPECT_EQ(answers_[first], "Received-SPF: fail");
  EXPECT_EQ(answers_[second], "Received-SPF: fail");
  spf_.late = false;
  spf_.answer.result = SpfResult::kPass;
  EXPECT_EQ(Answer(), "Received-SPF: fail");
  EXPECT_EQ(spf_.asked.size(), 1u);
  EXPECT_EQ(noted_,
            std::vector<std::string>{"spf fail of mailfrom x.example: -all"});

  // Another message, sender, client or session asks again.
  ++message_;
  EXPECT_EQ(Answer(), "Received-SPF: pass");
  from_.domain = "y.example";
  EXPECT_EQ(Answer(), "Received-SPF: pass");
  session_.remote_address = IpAddress::Parse("192.0.2.2");
  EXPECT_EQ(Answer(), "Received-SPF: pass");
  session_.session_id = "abd";
  EXPECT_EQ(Answer(), "Received-SPF: pass");
  EXPECT_EQ(spf_.asked.size(), 5u);
  EXPECT_EQ(noted_.size(), 1u);
}

TEST_F(SpfCheckTest, RemembersALimitedNumberOfTransactions) {
  Answer();
  for (size_t i = 1; i < kMaxSpfTransactions; ++i) {
    ++message_;
    Answer();
  }
  message_ = 1;
  Answer();
  EXPECT_EQ(spf_.asked.size(), kMaxSpfTransactions);
  message_ = -1;
  Answer();
  message_ = 1;
  Answer();
  EXPECT_EQ(spf_.asked.size(), kMaxSpfTransactions + 2);
}

TEST_F(SpfCheckTest, OptionHasErrors) {
  EXPECT_EQ(*Make(""), nullptr);
  for (const std::string value :
       {"refuse", "fail", "fail=", "=refuse", "fail=reject", "pass=refuse",
        "neutral=refuse", "fail=refuse,", "default,fail=refuse",
        "temperror=refuse", "fail = refuse"}) {
    const auto made = Make(value);
    ASSERT_FALSE(made.ok()) << value;
    EXPECT_TRUE(absl::StartsWith(made.status().message(), "--spf: "));
  }
  const auto made = Make("default", /*with_spf=*/false);
  ASSERT_FALSE(made.ok());
  EXPECT_TRUE(absl::StrContains(made.status().message(), "--policy-server"));
}

}  // namespace
}  // namespace postern::policy
