// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/policy.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace postern {
namespace {

// Gives one verdict, at once or when told to, and keeps what it was asked.
class Scripted : public Policy {
 public:
  explicit Scripted(Verdict verdict, bool late = false)
      : verdict_(std::move(verdict)), late_(late) {}

  void Decide(const Ask& ask, const SharedSessionInfo&, Done done) override {
    if (const auto* mail = std::get_if<Mail>(&ask.what)) {
      asked.push_back(mail->from.Address());
    } else if (const auto* rcpt = std::get_if<Rcpt>(&ask.what)) {
      asked.push_back(rcpt->to.Address());
    } else {
      asked.push_back("");
    }
    if (!late_) return std::move(done)(verdict_);
    done_ = std::move(done);
  }
  void Finish() { std::move(done_)(verdict_); }

  std::vector<std::string> asked;

 private:
  const Verdict verdict_;
  const bool late_;
  Done done_;
};

std::optional<Verdict> Decide(Policy& policy, const Ask& ask) {
  std::optional<Verdict> result;
  policy.Decide(ask, std::make_shared<const SessionInfo>(),
                [&result](Verdict verdict) { result = std::move(verdict); });
  return result;
}

const Ask kRcpt = {RequestId{1}, Rcpt{.to = {"u", "d"}}};

TEST(AllOfTest, AcceptsWhatNobodyRefuses) {
  Scripted a(Verdict::Accept());
  Scripted b(Verdict::Accept());
  AllOf all({&a, &b});
  const std::optional<Verdict> verdict = Decide(all, kRcpt);
  ASSERT_TRUE(verdict.has_value());
  EXPECT_TRUE(verdict->accepted());
  EXPECT_FALSE(verdict->reply().has_value());
  EXPECT_EQ(b.asked, std::vector<std::string>{"u@d"});
  AllOf none({});
  EXPECT_TRUE(Decide(none, kRcpt)->accepted());
}

TEST(AllOfTest, KeepsWhatIsSaidOfBareNewlines) {
  Scripted a(Verdict::Accept(Reply{250, {}, "a courtesy"}));
  Scripted b(Verdict::AcceptWith(BareNewlines::kNormalize));
  AllOf all({&a, &b, &a});
  EXPECT_EQ(Decide(all, kRcpt)->bare_newlines(), BareNewlines::kNormalize);
}

TEST(AllOfTest, StopsAtTheFirstRefusal) {
  Scripted a(Verdict::Accept());
  Scripted b(Verdict::Drop({554, {}, "b"}));
  Scripted c(Verdict::Refuse({550, {}, "c"}));
  AllOf all({&a, &b, &c});
  const std::optional<Verdict> verdict = Decide(all, kRcpt);
  EXPECT_EQ(verdict->kind(), Verdict::Kind::kDrop);
  EXPECT_EQ(verdict->reply()->text, "b");
  EXPECT_TRUE(c.asked.empty());
}

TEST(AllOfTest, ShowsAChangedPathToTheNextAndReturnsTheLast) {
  Scripted a(Verdict::AcceptAs({"u", "one"}));
  Scripted b(Verdict::AcceptAs({"u", "two"}));
  Scripted c(Verdict::Accept(Reply{251, {}, "a courtesy"}));
  AllOf all({&a, &b, &c});
  const std::optional<Verdict> verdict = Decide(all, kRcpt);
  EXPECT_EQ(a.asked, std::vector<std::string>{"u@d"});
  EXPECT_EQ(b.asked, std::vector<std::string>{"u@one"});
  EXPECT_EQ(c.asked, std::vector<std::string>{"u@two"});
  ASSERT_TRUE(verdict->path().has_value());
  EXPECT_EQ(verdict->path()->Address(), "u@two");
}

TEST(AllOfTest, ReturnsTheLastReplyOfAnAcceptance) {
  Scripted a(Verdict::Accept(Reply{250, {}, "a"}));
  Scripted b(Verdict::Accept(Reply{250, {}, "b"}));
  Scripted c(Verdict::Accept());
  AllOf all({&a, &b, &c});
  EXPECT_EQ(Decide(all, kRcpt)->reply()->text, "b");
}

TEST(AllOfTest, WaitsForLateAnswersAndOutlivesItsAsk) {
  Scripted a(Verdict::AcceptAs({"u", "one"}), /*late=*/true);
  Scripted b(Verdict::Refuse({550, {}, "b"}), /*late=*/true);
  auto all = std::make_unique<AllOf>(std::vector<Policy*>{&a, &b});
  auto ask = std::make_unique<Ask>(kRcpt);
  int calls = 0;
  all->Decide(*ask, std::make_shared<const SessionInfo>(),
              [&calls](Verdict verdict) {
                ++calls;
                EXPECT_EQ(verdict.reply()->text, "b");
              });
  ask.reset();
  EXPECT_TRUE(b.asked.empty());
  a.Finish();
  EXPECT_EQ(b.asked, std::vector<std::string>{"u@one"});
  EXPECT_EQ(calls, 0);
  b.Finish();
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace postern
