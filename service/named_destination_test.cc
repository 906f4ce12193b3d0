// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "service/named_destination.h"

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/ask.h"
#include "engine/policy.h"
#include "engine/session_info.h"
#include "engine/verdict.h"
#include "gtest/gtest.h"

namespace postern::service {
namespace {

// Answers every question with one verdict.
class Answering : public Delivery {
 public:
  explicit Answering(Verdict verdict) : verdict_(std::move(verdict)) {}
  bool ServesRemote(const Path&) const override { return true; }
  std::unique_ptr<MailTransaction> Begin(const Envelope&,
                                         const SharedSessionInfo&) override {
    return std::make_unique<Transaction>(verdict_);
  }

 private:
  class Transaction : public MailTransaction {
   public:
    explicit Transaction(Verdict verdict) : verdict_(std::move(verdict)) {}
    std::optional<Verdict> AddRecipient(const Rcpt&,
                                        Policy::Later later) override {
      std::move(later())(verdict_);
      return std::nullopt;
    }
    std::optional<Verdict> Open(const Envelope&, Policy::Later) override {
      return verdict_;
    }
    bool Write(absl::Span<const absl::string_view>,
               absl::AnyInvocable<void() &&>) override {
      return true;
    }
    void Commit(Policy::Done done) override { std::move(done)(verdict_); }

   private:
    const Verdict verdict_;
  };

  const Verdict verdict_;
};

TEST(NamedDestinationTest, AnswersNameTheDestination) {
  const struct {
    const char* name;
    Verdict answer;
    const char* rule;
    const char* source;
  } cases[] = {
      {"out", Verdict::Refuse({550, {5, 1, 1}, "no"}).By("smtp").From("a:25"),
       "smtp", "out: a:25"},
      {"out", Verdict::Refuse({550, {5, 1, 1}, "no"}), "kind", "out"},
      {"out", Verdict::Accept(), "kind", "out"},
      {"", Verdict::Accept({250, {2, 0, 0}, "ok"}).By("smtp").From("a:25"),
       "smtp", "a:25"},
  };
  for (const auto& c : cases) {
    Metrics metrics;
    const auto delivery = NameDestination(
        std::make_shared<Answering>(c.answer),
        {.rule = "kind", .name = c.name, .metric = "m"}, &metrics);
    EXPECT_TRUE(delivery->ServesRemote({"u", "d"}));
    const auto transaction =
        delivery->Begin({}, std::make_shared<const SessionInfo>());
    std::vector<Verdict> answers;
    const auto later = [&answers]() -> Policy::Done {
      return [&answers](Verdict verdict) {
        answers.push_back(std::move(verdict));
      };
    };
    EXPECT_FALSE(transaction->AddRecipient({}, later));
    answers.push_back(*transaction->Open({}, later));
    transaction->Commit(later());
    transaction->CommitEach([&answers](std::vector<Verdict> verdicts) {
      answers.push_back(verdicts[0]);
    });
    ASSERT_EQ(answers.size(), 4u);
    for (const Verdict& each : answers) {
      EXPECT_EQ(each.accepted(), c.answer.accepted());
      EXPECT_EQ(each.rule(), c.rule);
      EXPECT_EQ(each.source(), c.source);
      EXPECT_EQ(each.reply(), c.answer.reply());
    }
    // A message counts once it is answered: refused by Open(), or at its end.
    const auto counts = metrics.destinations();
    ASSERT_EQ(counts.size(), 1u);
    EXPECT_EQ(counts.at("m")[c.answer.accepted()],
              c.answer.accepted() ? 2u : 3u);
  }
}

}  // namespace
}  // namespace postern::service
