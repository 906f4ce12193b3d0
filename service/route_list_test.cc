// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "service/route_list.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "files/test_directory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/control/controls.h"

namespace postern::service {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class RouteListTest : public testing::Test {
 protected:
  RouteListTest() {
    folder_.Write("me", "mx.example\n");
    folder_.Write("rcpthosts", "local.example\n.sub.example\n");
    options_.control = folder_.path();
    options_.deliver = "discard";
    options_.destinations = {{"archive", "maildir:/m"},
                             {"relay", "smtp:r.example"}};
  }

  // Reads the routes. Sets `errors_` and `warnings_` to their texts.
  std::shared_ptr<const RouteList> Read(const std::string& text) {
    folder_.Write("routes", text);
    const auto controls = policy::ReadControls({.directory = folder_.path()});
    EXPECT_TRUE(controls.ok());
    std::vector<absl::Status> errors;
    warnings_.clear();
    const auto routes = ReadRoutes(options_, *controls, &errors, &warnings_);
    errors_.clear();
    for (const absl::Status& error : errors) {
      errors_.emplace_back(error.message());
    }
    return routes;
  }

  // Returns "TARGET LINE" of the route for a domain, "own LINE", or "none".
  std::string Find(const RouteList& routes, const std::string& domain) {
    const RouteList::Route* const route =
        routes.Find({"u", domain}, "me.example");
    if (route == nullptr) return "none";
    std::string target = "own";
    if (route->target) {
      const RouteList::Target& found = routes.targets()[*route->target];
      target = found.name.empty() ? found.spec : found.name;
    }
    const std::vector<std::string> parts = absl::StrSplit(route->source, ':');
    return absl::StrCat(target, " ", parts.back());
  }

  files::TestDirectory folder_;
  MailOptions options_;
  std::vector<std::string> errors_;
  std::vector<std::string> warnings_;
};

TEST_F(RouteListTest, LongestMatchDecides) {
  const auto routes = Read(
      "# comment\n"
      "a.example:smtp.example\n"
      ".a.example:[192.0.2.1]:587  \n"
      "b.c.example:archive\n"
      ".C.example:lmtp:unix:/run/lmtp\n"
      "d.c.example:\n"
      "b\xc3\xbc.example:smtp:other.example\n"
      "[192.0.2.9]:relay\n"
      "[IPv6:2001:db8::1]:relay\n"
      "me.example:[2001:db8::2]\n");
  EXPECT_THAT(errors_, IsEmpty());
  EXPECT_THAT(warnings_, IsEmpty());
  ASSERT_NE(routes, nullptr);
  const struct {
    const char* domain;
    const char* route;
  } cases[] = {
      {"a.example", "smtp:smtp.example 2"},
      {"A.Example", "smtp:smtp.example 2"},
      {"x.a.example", "smtp:192.0.2.1:587 3"},
      {"y.x.a.example", "smtp:192.0.2.1:587 3"},
      {"xa.example", "none"},
      {"c.example", "none"},  // a line with a dot is only for subdomains
      {"b.c.example", "archive 4"},
      {"x.b.c.example", "lmtp:unix:/run/lmtp 5"},
      {"d.c.example", "own 6"},
      {"xn--b-eha.example", "smtp:other.example 7"},
      {"[192.0.2.9]", "relay 8"},
      {"[IPv6:2001:db8::1]", "relay 9"},
      {"other.example", "none"},
      {"example", "none"},
      {"", "smtp:[2001:db8::2] 10"},  // as control/me
  };
  for (const auto& c : cases) {
    EXPECT_EQ(Find(*routes, c.domain), c.route) << c.domain;
  }
  // Lines with the same target share one destination.
  EXPECT_EQ(routes->targets().size(), 7u);
  EXPECT_EQ(routes->size(), 9u);
}

TEST_F(RouteListTest, EmptyDomainMatchesTheRest) {
  const auto routes = Read(":relay\nlocal.example:\n.sub.example:\n");
  ASSERT_NE(routes, nullptr);
  EXPECT_THAT(errors_, IsEmpty());
  EXPECT_THAT(warnings_, IsEmpty());
  EXPECT_EQ(Find(*routes, "remote.example"), "relay 1");
  EXPECT_EQ(Find(*routes, "local.example"), "own 2");
  EXPECT_EQ(Find(*routes, "x.sub.example"), "own 3");
  EXPECT_EQ(Find(*routes, "sub.example"), "relay 1");
}

TEST_F(RouteListTest, MissingFileHasNoRoutes) {
  EXPECT_NE(Read(""), nullptr);
  folder_.Remove("routes");
  std::vector<absl::Status> errors;
  EXPECT_EQ(ReadRoutes(options_, {}, &errors, &warnings_), nullptr);
  EXPECT_THAT(errors, IsEmpty());
  folder_.MakeDirectory("routes");
  EXPECT_EQ(ReadRoutes(options_, {}, &errors, &warnings_), nullptr);
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_THAT(std::string(errors[0].message()),
              StartsWith(folder_.File("routes")));
}

TEST_F(RouteListTest, MistakeNamesTheLine) {
  const struct {
    const char* line;
    const char* error;
  } cases[] = {
      {"a.example", "there is no colon: write DOMAIN:TARGET"},
      {"[192.0.2.1", "there is no colon"},
      {"a.example:archives",
       "no --deliver has the name archives, did you mean archive?; if it is a "
       "host, write smtp:archives"},
      {"a.example:localhost",
       "no --deliver has the name localhost; if it is a "
       "host, write smtp:localhost"},
      {"a.example:maildir:/m",
       "\"maildir:/m\": only lmtp, smtp and smtps can be in this file; write a "
       "name, and --deliver NAME=maildir:/m"},
      {"a.example:qmail-queue",
       "only lmtp, smtp and smtps can be in this file"},
      {"a.example:relay.example user secret",
       "contains a space; a route has no user and no password"},
      {"a.example:lmtp:a.example", "the port is missing"},
      {"a.example:lmtp", "not a next hop: lmtp:SERVER"},
      {"a.example:r.example:0", "not a number from 1 to 65535"},
      {"a.example:[192.0.2.300]", "not an IPv6 address in brackets"},
      {"b.example:relay", "the domain has another line already: "},
      {"B.EXAMPLE:", "the domain has another line already: "},
  };
  for (const auto& c : cases) {
    Read(absl::StrCat("b.example:\n", c.line, "\n"));
    ASSERT_EQ(errors_.size(), 1u) << c.line;
    EXPECT_THAT(errors_[0], StartsWith(folder_.File("routes") + ":2: "));
    EXPECT_THAT(errors_[0], HasSubstr(c.error));
  }
  std::string many;
  for (int i = 0; i < 100; ++i) many += "a\n";
  Read(many);
  EXPECT_EQ(errors_.size(), policy::kMaxErrors);
}

TEST_F(RouteListTest, LinesThatCanNeverMatchAreWarnedAbout) {
  Read("u@a.example:relay\n*.b.example:relay\n.:relay\n");
  EXPECT_THAT(errors_, IsEmpty());
  const std::string path = folder_.File("routes");
  EXPECT_THAT(
      warnings_,
      ElementsAre(StartsWith(path + ":3: a single dot matches every domain"),
                  StartsWith(path + ":1: the entry is not a domain and can "
                                    "never match")));
}

TEST_F(RouteListTest, EmptyDomainThatTakesLocalMailIsWarnedAbout) {
  Read("local.example:\n:relay\n");
  EXPECT_THAT(
      warnings_,
      ElementsAre(absl::StrCat(
          folder_.File("routes"),
          ":2: the line also takes the mail of .sub.example of ",
          folder_.File("rcpthosts"),
          "; write .sub.example: to deliver it as the listener does.")));
  Read(":relay\n");
  ASSERT_EQ(warnings_.size(), 1u);
  EXPECT_THAT(warnings_[0],
              HasSubstr("the mail of local.example and 1 more domain of "));
  Read(":\n");
  EXPECT_THAT(warnings_, IsEmpty());
}

}  // namespace
}  // namespace postern::service
