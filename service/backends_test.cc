// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "service/backends.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "auth/backend.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "service/auth_options.h"

namespace postern::service {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using Kind = AuthSpec::Kind;

AuthOptions Of(const std::vector<Kind>& kinds) {
  AuthOptions options;
  for (const Kind kind : kinds) {
    options.specs.push_back(
        {.kind = kind, .text = "spec", .file = "/x", .command = {"/bin/true"}});
  }
  return options;
}

std::vector<std::string> Names(const auth::Backend& backend) {
  std::vector<std::string> names;
  for (const auth::Mechanism& each : backend.mechanisms()) {
    names.push_back(each.name);
  }
  return names;
}

TEST(BackendsTest, ReturnsWhatTheOptionsNeed) {
  const struct {
    Kind kind;
    bool needs_libraries, runs_checkers;
  } kCases[] = {{Kind::kCheckpassword, false, true},
                {Kind::kOauth, false, false},
                {Kind::kCdb, true, false},
                {Kind::kSasl, true, false}};
  for (const auto& c : kCases) {
    const AuthOptions options = Of({c.kind});
    EXPECT_EQ(NeedsLibraries(options), c.needs_libraries);
    EXPECT_EQ(RunsCheckers(options), c.runs_checkers);
  }
  EXPECT_FALSE(NeedsLibraries(Of({})));
  EXPECT_FALSE(RunsCheckers(Of({})));
}

TEST(BackendsTest, WithoutOptionsThereIsNoBackend) {
  const auto opened = OpenBackends(Of({}), {}, "mx.example.org", nullptr);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(*opened, nullptr);
}

TEST(BackendsTest, ProgramsNeedNoLibraries) {
  const auto opened = OpenBackends(Of({Kind::kCheckpassword, Kind::kOauth}), {},
                                   "mx.example.org", nullptr);
  ASSERT_TRUE(opened.ok()) << opened.status();
  const std::vector<std::string> names = Names(**opened);
  EXPECT_THAT(names, Contains("PLAIN"));
  EXPECT_THAT(names, Contains("OAUTHBEARER"));
}

TEST(BackendsTest, OpenBackendOpensBackendsWithLibraries) {
  std::string asked;
  const auto opened = OpenBackends(
      Of({Kind::kCdb}), {}, "mx.example.org",
      [&](const AuthSpec& spec, const AuthOptions&, const std::string& host) {
        asked = spec.file + " " + host;
        return absl::NotFoundError("no such file");
      });
  EXPECT_EQ(asked, "/x mx.example.org");
  EXPECT_EQ(opened.status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(opened.status().message(), "--auth spec: no such file");
}

TEST(BackendsTest, StaticProgramReportsAMissingLibrary) {
  const auto opened =
      OpenBackends(Of({Kind::kSasl}), {}, "mx.example.org", nullptr);
  EXPECT_THAT(std::string(opened.status().message()),
              HasSubstr("not in this program"));
}

}  // namespace
}  // namespace postern::service
