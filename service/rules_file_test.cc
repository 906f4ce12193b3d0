// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "service/rules_file.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "engine/grammar/ip_address.h"
#include "engine/session_info.h"
#include "files/test_directory.h"
#include "gtest/gtest.h"
#include "policy/rules/tcp_rules.h"

namespace postern::service {
namespace {

// The record of tcprules for a rule that denies.
const std::string kDeny("D\0", 2);

class RulesFileTest : public testing::Test {
 protected:
  // Returns whether `rules` allow a client from 192.0.2.1.
  static bool Allows(RulesFile* rules) {
    const auto read = rules->Get();
    EXPECT_TRUE(read.ok()) << read.status();
    if (!read.ok() || *read == nullptr) return true;
    SessionInfo info;
    info.remote_address = IpAddress::Parse("192.0.2.1");
    const auto match = (*read)->Find(info);
    EXPECT_TRUE(match.ok()) << match.status();
    return match.ok() && match->allow;
  }

  files::TestDirectory folder_;
};

TEST_F(RulesFileTest, ConnectionUsesTheRulesOfItsTime) {
  folder_.WriteCdb("rules.cdb", {{"192.0.2.1", kDeny}});
  RulesFile rules(folder_.File("rules.cdb"), /*optional=*/false,
                  /*host_names=*/false);
  EXPECT_FALSE(Allows(&rules));
  folder_.WriteCdb("rules.cdb", {{"192.0.2.1", ""}, {"192.0.2.2", kDeny}});
  EXPECT_TRUE(Allows(&rules));
}

TEST_F(RulesFileTest, OnlyAMissingFileIsOptional) {
  const std::string file = folder_.File("rules.cdb");
  RulesFile wanted(file, /*optional=*/false,
                   /*host_names=*/false);
  RulesFile optional(file, /*optional=*/true,
                     /*host_names=*/false);
  EXPECT_TRUE(absl::IsNotFound(wanted.Get().status()));
  const auto none = optional.Get();
  ASSERT_TRUE(none.ok()) << none.status();
  EXPECT_EQ(*none, nullptr);
  // A file that cannot be read is not missing: it may deny clients.
  folder_.MakeDirectory("rules.cdb");
  for (RulesFile* rules : {&wanted, &optional}) {
    const absl::Status status = rules->Get().status();
    EXPECT_FALSE(status.ok());
    EXPECT_TRUE(absl::StrContains(status.message(), file)) << status;
  }
}

TEST_F(RulesFileTest, WarningsThatAreLoggedAreNotRepeated) {
  const auto warnings = [this](bool warned) {
    folder_.WriteCdb("rules.cdb", {{"=a.example", ""}});
    testing::internal::CaptureStderr();
    RulesFile rules(folder_.File("rules.cdb"), /*optional=*/false,
                    /*host_names=*/false, warned);
    EXPECT_TRUE(Allows(&rules));
    folder_.WriteCdb("rules.cdb", {{"=b.example", ""}, {"=c.example", ""}});
    EXPECT_TRUE(Allows(&rules));
    return testing::internal::GetCapturedStderr();
  };
  const std::string both = warnings(/*warned=*/false);
  EXPECT_TRUE(absl::StrContains(both, "=a.example")) << both;
  EXPECT_TRUE(absl::StrContains(both, "=b.example")) << both;
  const std::string second = warnings(/*warned=*/true);
  EXPECT_FALSE(absl::StrContains(second, "=a.example")) << second;
  EXPECT_TRUE(absl::StrContains(second, "=b.example")) << second;
}

TEST_F(RulesFileTest, LaterFileIsUsed) {
  RulesFile rules(folder_.File("rules.cdb"), /*optional=*/true,
                  /*host_names=*/false);
  EXPECT_TRUE(Allows(&rules));
  folder_.WriteCdb("rules.cdb", {{"192.0.2.1", kDeny}});
  EXPECT_FALSE(Allows(&rules));
  folder_.Remove("rules.cdb");
  EXPECT_TRUE(Allows(&rules));
}

}  // namespace
}  // namespace postern::service
