// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/ask_queue.h"

#include <string>

#include "gtest/gtest.h"

namespace postern {
namespace {

Rcpt To(std::string local_part) {
  return Rcpt{.to = {std::move(local_part), "d"}};
}

TEST(AskQueueTest, ReturnsAnswersInTheOrderOfTheQuestions) {
  AskQueue queue;
  const RequestId a = queue.Open(To("a"))->id;
  const RequestId b = queue.Open(To("b"))->id;
  EXPECT_NE(a, b);
  queue.Find(b)->verdict.emplace(Verdict::Refuse({550, {}, "b"}));
  EXPECT_EQ(queue.Take(), nullptr);  // a is still open
  queue.Find(a)->verdict.emplace(Verdict::Accept());
  auto first = queue.Take();
  auto second = queue.Take();
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->ask.id, a);
  EXPECT_TRUE(first->verdict->accepted());
  EXPECT_EQ(second->ask.id, b);
  EXPECT_FALSE(second->verdict->accepted());
  EXPECT_TRUE(queue.empty());
}

TEST(AskQueueTest, FindsAQuestionUntilItIsAnswered) {
  AskQueue queue;
  const RequestId a = queue.Open(To("a"))->id;
  const RequestId b = queue.Open(To("b"))->id;
  ASSERT_NE(queue.Find(b), nullptr);
  EXPECT_EQ(std::get<Rcpt>(queue.Find(b)->ask.what).to.local_part, "b");
  queue.Find(b)->verdict.emplace(Verdict::Accept());
  EXPECT_EQ(queue.Find(b), nullptr);
  EXPECT_NE(queue.Find(a), nullptr);
  EXPECT_EQ(queue.Find(RequestId{77}), nullptr);
}

TEST(AskQueueTest, QuestionsKeepTheirAddresses) {
  AskQueue queue;
  const RequestId front = queue.Open(To("front"))->id;
  const Ask* kept = queue.Open(To("kept"));
  for (int i = 0; i < 1000; ++i) queue.Open(To("x"));
  queue.Find(front)->verdict.emplace(Verdict::Accept());
  ASSERT_NE(queue.Take(), nullptr);
  EXPECT_EQ(&queue.Find(kept->id)->ask, kept);
  EXPECT_EQ(std::get<Rcpt>(kept->what).to.local_part, "kept");
}

TEST(AskQueueTest, ReleaseIdleMemoryKeepsOpenQuestions) {
  AskQueue queue;
  const RequestId front = queue.Open(To("front"))->id;
  const Ask* kept = queue.Open(To("kept"));
  queue.Find(front)->verdict.emplace(Verdict::Accept());
  queue.Recycle(queue.Take());
  queue.ReleaseIdleMemory();
  EXPECT_EQ(queue.size(), 1u);
  EXPECT_EQ(&queue.Find(kept->id)->ask, kept);
  EXPECT_NE(queue.Open(To("next"))->id, front);
}

TEST(AskQueueTest, NeverReusesAnId) {
  AskQueue queue;
  const RequestId a = queue.Open(BodyBegin{})->id;
  queue.Clear();
  EXPECT_EQ(queue.Find(a), nullptr);
  EXPECT_NE(queue.Open(BodyBegin{})->id, a);
}

TEST(AskQueueTest, KnowsWhetherAllQuestionsHaveOneType) {
  AskQueue queue;
  EXPECT_TRUE(queue.Only<Rcpt>());
  queue.Open(To("a"));
  EXPECT_TRUE(queue.Only<Rcpt>());
  queue.Open(BodyBegin{});
  EXPECT_FALSE(queue.Only<Rcpt>());
  EXPECT_EQ(queue.size(), 2u);
}

}  // namespace
}  // namespace postern
