// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/backends.h"

#include "gtest/gtest.h"

namespace postern::auth {
namespace {

class FakeBackend : public Backend {
 public:
  explicit FakeBackend(std::vector<Mechanism> mechanisms)
      : mechanisms_(std::move(mechanisms)) {}
  std::vector<Mechanism> mechanisms() const override { return mechanisms_; }
  std::unique_ptr<AuthExchange> Begin(absl::string_view mechanism,
                                      const SharedSessionInfo&) override {
    begun += std::string(mechanism) + " ";
    return nullptr;
  }

  std::string begun;

 private:
  const std::vector<Mechanism> mechanisms_;
};

TEST(BackendsTest, BeginsWithTheBackendOfTheMechanism) {
  const auto first = std::make_shared<FakeBackend>(
      std::vector<Mechanism>{{"SCRAM-SHA-256", false}, {"PLAIN", true}});
  const auto second = std::make_shared<FakeBackend>(
      std::vector<Mechanism>{{"OAUTHBEARER", true}});
  const auto backends = Backends::Make({first, second});
  ASSERT_TRUE(backends.ok());
  std::string names;
  for (const Mechanism& mechanism : (*backends)->mechanisms()) {
    names += mechanism.name + (mechanism.shows_secret ? "! " : " ");
  }
  EXPECT_EQ(names, "SCRAM-SHA-256 PLAIN! OAUTHBEARER! ");
  const auto session = std::make_shared<const SessionInfo>();
  for (const char* name : {"PLAIN", "OAUTHBEARER", "LOGIN", "PLAIN"}) {
    (*backends)->Begin(name, session);
  }
  EXPECT_EQ(first->begun, "PLAIN PLAIN ");
  EXPECT_EQ(second->begun, "OAUTHBEARER ");
}

TEST(BackendsTest, RefusesTwoBackendsWithOneMechanism) {
  const auto one = std::make_shared<FakeBackend>(
      std::vector<Mechanism>{{"LOGIN", true}, {"PLAIN", true}});
  const auto other =
      std::make_shared<FakeBackend>(std::vector<Mechanism>{{"PLAIN", true}});
  EXPECT_EQ(Backends::Make({one, other}).status().message(),
            "two backends offer AUTH PLAIN");
}

}  // namespace
}  // namespace postern::auth
