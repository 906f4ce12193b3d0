// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/pooled_policy.h"

#include <deque>
#include <memory>
#include <optional>
#include <utility>

#include "engine/grammar/ip_address.h"
#include "gtest/gtest.h"

namespace postern::policy {
namespace {

class OnlyU : public Policy {
 public:
  void Decide(const Ask& ask, const SharedSessionInfo& session,
              Done done) override {
    EXPECT_EQ(ToString(session->remote_address), "192.0.2.1");
    const bool is_u = std::get<Rcpt>(ask.what).to.local_part == "u";
    std::move(done)(is_u ? Verdict::Accept()
                         : Verdict::Refuse({550, {5, 1, 1}, "no"}));
  }
};

TEST(PooledPolicyTest, DecidesLaterAboutWhatWasAskedThen) {
  std::deque<absl::AnyInvocable<void() &&>> tasks;
  auto policy = std::make_unique<PooledPolicy>(
      std::make_shared<OnlyU>(),
      [&tasks](auto task) { tasks.push_back(std::move(task)); });
  std::optional<bool> u, v;
  {
    const auto info = std::make_shared<const SessionInfo>(
        SessionInfo{.remote_address = IpAddress::Parse("192.0.2.1")});
    Ask ask;
    ask.what = Rcpt{.to = {"u", "d"}};
    policy->Decide(ask, info,
                   [&u](Verdict verdict) { u = verdict.accepted(); });
    ask.what = Rcpt{.to = {"v", "d"}};
    policy->Decide(ask, info,
                   [&v](Verdict verdict) { v = verdict.accepted(); });
  }
  policy.reset();
  EXPECT_FALSE(u || v);
  ASSERT_EQ(tasks.size(), 2u);
  for (auto& task : tasks) std::move(task)();
  EXPECT_EQ(u, true);
  EXPECT_EQ(v, false);
}

}  // namespace
}  // namespace postern::policy
