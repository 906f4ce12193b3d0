// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/list_checks.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "files/test_directory.h"
#include "gtest/gtest.h"
#include "policy/checks.h"

namespace postern::policy {
namespace {

class NoAddresses : public net::OwnAddresses {
 public:
  absl::StatusOr<bool> Contains(const IpAddress&) const override {
    return false;
  }
};

class ListChecksTest : public testing::Test {
 protected:
  ListChecksTest() {
    folder_.Write("me", "local.example\n");
    folder_.Write("rcpthosts", "local.example\n");
  }

  absl::StatusOr<std::shared_ptr<Checks>> MakeChecks(
      absl::string_view validrcptto = "", system::Run run = {}) {
    absl::StatusOr<Controls> controls =
        ReadControls({.directory = folder_.path()});
    if (!controls.ok()) return controls.status();
    CheckSetup setup;
    setup.controls = std::make_shared<const Controls>(*std::move(controls));
    setup.own_addresses = std::make_shared<const NoAddresses>();
    setup.run = std::move(run);
    setup.option = [validrcptto](absl::string_view option) {
      return option == "validrcptto" ? std::string(validrcptto) : "";
    };
    return Checks::Make(setup);
  }

  // Returns the verdict about `to`: "accept", or "RULE SOURCE REPLY".
  static std::string Ask(const std::shared_ptr<Checks>& checks, Path from,
                         Path to, SessionInfo session = {}) {
    postern::Ask ask;
    ask.what = Rcpt{.from = std::move(from), .to = std::move(to)};
    std::optional<Verdict> late;
    std::optional<Verdict> verdict =
        checks->Decide(ask, std::make_shared<const SessionInfo>(session),
                       [&late]() -> Policy::Done {
                         return [&late](Verdict answer) { late = answer; };
                       });
    if (!verdict) verdict = late;
    if (!verdict) return "no answer";
    if (verdict->accepted()) return "accept";
    return absl::StrCat(verdict->rule(), " ", verdict->source(), " ",
                        verdict->reply()->code, " ", verdict->reply()->text);
  }

  files::TestDirectory folder_;
};

const Path kSender = {"s", "x.example"};
const Path kLocal = {"u", "local.example"};

SessionInfo Said(std::string hello_name) {
  SessionInfo session;
  session.hello_name = std::move(hello_name);
  return session;
}

SessionInfo With(SessionInfo session, std::string name, std::string value) {
  session.environment.emplace_back(std::move(name), std::move(value));
  return session;
}

SessionInfo Relay(SessionInfo session) {
  session.relay_client = "";
  return session;
}

SessionInfo User(SessionInfo session) {
  session.identity = "ann";
  return session;
}

TEST_F(ListChecksTest, BadHeloRefusesAllRecipients) {
  folder_.Write("badhelo", "^localhost$\n# names without a dot\n!\\.\n");
  folder_.Write("badhelonorelay", "\\.dyn\\.example$\n");
  const auto checks = MakeChecks();
  ASSERT_TRUE(checks.ok()) << checks.status();
  const std::string reply =
      " 553 sorry, your HELO host name has been denied (#5.7.1)";
  const std::string bad =
      absl::StrCat("badhelo ", folder_.File("badhelo"), ":1", reply);
  const auto ask = [&](const SessionInfo& session) {
    return Ask(*checks, kSender, kLocal, session);
  };
  EXPECT_EQ(ask(Said("LocalHost")), bad);
  EXPECT_EQ(ask(Relay(Said("localhost"))), bad);
  EXPECT_EQ(ask(User(Said("localhost"))), bad);
  EXPECT_EQ(ask(Said("pc")),
            absl::StrCat("badhelo ", folder_.File("badhelo"), ":3", reply));
  EXPECT_EQ(
      ask(Said("a.dyn.example")),
      absl::StrCat("badhelo ", folder_.File("badhelonorelay"), ":1", reply));
  EXPECT_EQ(ask(Relay(Said("a.dyn.example"))), "accept");
  EXPECT_EQ(ask(User(Said("a.dyn.example"))), "accept");
  EXPECT_EQ(ask(Said("c.example")), "accept");
  EXPECT_EQ(ask(With(Said("localhost"), "NOBADHELO", "")), "accept");
  EXPECT_EQ(ask(Said("")), "accept");  // no HELO
}

TEST_F(ListChecksTest, BadMailFromHasPatterns) {
  folder_.Write("badmailfrom", "@bad.example\n");
  folder_.Write("badmailfrompatterns", "^[0-9]+@\n!\\.example$\n");
  folder_.Write("badmailfromnorelay", "@local\\.example$\n");
  const auto checks = MakeChecks();
  ASSERT_TRUE(checks.ok()) << checks.status();
  const auto refused = [&](absl::string_view file_and_line) {
    return absl::StrCat("badmailfrom ", folder_.path(), "/", file_and_line,
                        " 553 sorry, your envelope sender is in my badmailfrom "
                        "list (#5.7.1)");
  };
  const auto ask = [&](const Path& from, const SessionInfo& session = {}) {
    return Ask(*checks, from, kLocal, session);
  };
  EXPECT_EQ(ask({"s", "bad.example"}), refused("badmailfrom:1"));
  EXPECT_EQ(ask({"123", "x.example"}), refused("badmailfrompatterns:1"));
  EXPECT_EQ(ask({"123", "x.example"}, Relay({})),
            refused("badmailfrompatterns:1"));
  EXPECT_EQ(ask({"s", "x.org"}), refused("badmailfrompatterns:2"));
  EXPECT_EQ(ask({"s", "local.example"}), refused("badmailfromnorelay:1"));
  EXPECT_EQ(ask({"s", "local.example"}, Relay({})), "accept");
  EXPECT_EQ(ask({"s", "local.example"}, User({})), "accept");
  EXPECT_EQ(ask({"s", "x.org"}, With({}, "DISABLE_BADMAILFROM", "")), "accept");
  EXPECT_EQ(ask({}), "accept");
  EXPECT_EQ(ask(kSender), "accept");
}

TEST_F(ListChecksTest, BadRcptToRefusesRecipientsOfAllClients) {
  folder_.Write("badrcptto", "old@local.example\n@gone.example\n");
  folder_.Write("badrcpttopatterns", "%.*@\n");
  folder_.Write("badrcpttonorelay", "^staff@\n");
  const auto checks = MakeChecks();
  ASSERT_TRUE(checks.ok()) << checks.status();
  const auto refused = [&](absl::string_view file_and_line) {
    return absl::StrCat("badrcptto ", folder_.path(), "/", file_and_line,
                        " 553 sorry, your envelope recipient has been denied "
                        "(#5.7.1)");
  };
  const auto ask = [&](const Path& to, const SessionInfo& session = {}) {
    return Ask(*checks, kSender, to, session);
  };
  EXPECT_EQ(ask({"Old", "Local.example"}), refused("badrcptto:1"));
  EXPECT_EQ(ask({"u", "gone.example"}, Relay({})), refused("badrcptto:2"));
  EXPECT_EQ(ask({"u", "gone.example"}, User({})), refused("badrcptto:2"));
  EXPECT_EQ(ask({"u%evil", "local.example"}), refused("badrcpttopatterns:1"));
  EXPECT_EQ(ask({"staff", "local.example"}), refused("badrcpttonorelay:1"));
  EXPECT_EQ(ask({"staff", "local.example"}, User({})), "accept");
  EXPECT_EQ(ask(kLocal), "accept");
}

TEST_F(ListChecksTest, InvalidPatternsAreErrors) {
  for (const std::string name :
       {"badhelo", "badhelonorelay", "badmailfrompatterns",
        "badmailfromnorelay", "badrcpttopatterns", "badrcpttonorelay"}) {
    folder_.Write(name, "ok\n(a)\\1\n");
    const auto checks = MakeChecks();
    EXPECT_TRUE(absl::IsInvalidArgument(checks.status())) << name;
    EXPECT_TRUE(absl::StartsWith(checks.status().message(),
                                 folder_.File(name) + ":2: "))
        << checks.status();
    folder_.Write(name, "");
    EXPECT_TRUE(MakeChecks().ok());
  }
}

TEST_F(ListChecksTest, ValidRecipientsAreFoundInTheOrderOfThePatch) {
  folder_.WriteCdb("valid.cdb", {
                                    {"ann@x.example", ""},
                                    {"ann-lists-default@x.example", ""},
                                    {"ann-default@x.example", "-"},
                                    {"bob-default@x.example", ""},
                                    {"bob-spam-default@x.example", "-no"},
                                    {"bob-spam-not@x.example", "ok -"},
                                    {"@y.example", ""},
                                    {"gone@y.example", "-"},
                                    {"@xn--d-1ga.example", ""},
                                    {"postmaster", ""},
                                });
  const auto database = files::Cdb::Open(folder_.File("valid.cdb"));
  ASSERT_TRUE(database.ok()) << database.status();
  const struct {
    Path path;
    bool valid;
  } cases[] = {
      {{"ann", "x.example"}, true},
      {{"Ann", "X.Example"}, true},
      {{"ann-lists-2", "x.example"}, true},
      {{"ann-lists-a-b", "x.example"}, true},
      {{"ann-lists", "x.example"}, false},  // ann-default
      {{"ann-x", "x.example"}, false},
      {{"ann-", "x.example"}, false},
      {{"bob", "x.example"}, false},
      {{"bob-", "x.example"}, true},
      {{"bob-spam", "x.example"}, true},
      {{"bob-spam-x", "x.example"}, false},
      {{"bob-spam-not", "x.example"}, true},
      {{"eve", "x.example"}, false},
      {{"anyone", "y.example"}, true},
      {{"any-one", "y.example"}, true},
      {{"gone", "y.example"}, false},
      {{"u", "sub.y.example"}, false},
      {{"u", "d\xc3\xb6.example"}, true},
      {{"postmaster", ""}, true},
      {{"root", ""}, false},
      {{"", ""}, false},
  };
  for (const auto& c : cases) {
    const auto valid = IsValidRecipient(*database, c.path);
    ASSERT_TRUE(valid.ok()) << valid.status();
    EXPECT_EQ(*valid, c.valid) << c.path.Address();
  }
}

TEST_F(ListChecksTest, InvalidRecipientsAreRefused) {
  folder_.WriteCdb("valid.cdb", {{"u@local.example", ""}});
  folder_.WriteCdb("other.cdb", {{"v@local.example", ""}});
  const std::string path = folder_.File("valid.cdb");
  const std::string other = folder_.File("other.cdb");
  const auto checks = MakeChecks(path);
  ASSERT_TRUE(checks.ok()) << checks.status();
  const std::string refused =
      " 553 sorry, this recipient is not in my validrcptto list (#5.7.1)";
  const Path v = {"v", "local.example"};
  const auto ask = [&](const Path& to, const SessionInfo& session = {}) {
    return Ask(*checks, kSender, to, session);
  };
  EXPECT_EQ(ask(kLocal), "accept");
  EXPECT_EQ(ask(v), absl::StrCat("validrcptto ", path, refused));
  EXPECT_EQ(ask({"Postmaster", "local.example"}), "accept");
  EXPECT_EQ(ask({"postmaster", ""}), "accept");
  EXPECT_EQ(ask(v, Relay({})), "accept");
  EXPECT_EQ(ask(v, User({})), "accept");
  // The variable names another file, or none.
  const SessionInfo session = With({}, "VALIDRCPTTO_CDB", other);
  EXPECT_EQ(ask(v, session), "accept");
  EXPECT_EQ(ask(kLocal, session), absl::StrCat("validrcptto ", other, refused));
  EXPECT_EQ(ask(v, With({}, "VALIDRCPTTO_CDB", "")), "accept");
  // A refusal of a relay attempt stays what it was.
  EXPECT_TRUE(absl::StartsWith(ask({"v", "evil.example"}), "not-listed "));
  // Without the option, the variable suffices.
  const auto none = MakeChecks();
  ASSERT_TRUE(none.ok()) << none.status();
  EXPECT_EQ(Ask(*none, kSender, v), "accept");
  EXPECT_EQ(Ask(*none, kSender, kLocal, session),
            absl::StrCat("validrcptto ", other, refused));
}

TEST_F(ListChecksTest, DatabaseThatCannotBeReadIsAnOutage) {
  const auto checks = MakeChecks();
  ASSERT_TRUE(checks.ok()) << checks.status();
  folder_.Write("damaged.cdb", "no database");
  for (const std::string& path :
       {folder_.File("missing.cdb"), folder_.File("damaged.cdb"),
        std::string("control/relative.cdb")}) {
    const std::string answer =
        Ask(*checks, kSender, kLocal, With({}, "VALIDRCPTTO_CDB", path));
    EXPECT_TRUE(absl::StartsWith(answer, "validrcptto ")) << answer;
    EXPECT_TRUE(absl::StrContains(answer, path)) << answer;
    EXPECT_TRUE(absl::EndsWith(answer, " 421 unable to read controls (#4.3.0)"))
        << answer;
    const auto made = MakeChecks(path);
    EXPECT_FALSE(made.ok());
    EXPECT_TRUE(absl::StartsWith(made.status().message(), "--validrcptto: "))
        << made.status();
  }
}

// An event loop must not wait for the disk.
TEST_F(ListChecksTest, DatabaseIsReadOnAnotherThread) {
  folder_.WriteCdb("valid.cdb", {{"u@local.example", ""}});
  std::vector<absl::AnyInvocable<void() &&>> tasks;
  const auto checks = MakeChecks(folder_.File("valid.cdb"),
                                 [&tasks](absl::AnyInvocable<void() &&> task) {
                                   tasks.push_back(std::move(task));
                                 });
  ASSERT_TRUE(checks.ok()) << checks.status();
  EXPECT_EQ(Ask(*checks, kSender, kLocal), "no answer");
  EXPECT_EQ(tasks.size(), 1u);
  EXPECT_EQ(Ask(*checks, kSender, kLocal, Relay({})), "accept");
  EXPECT_EQ(Ask(*checks, kSender, {"u", "evil.example"}).substr(0, 10),
            "not-listed");
  EXPECT_EQ(tasks.size(), 1u);
}

}  // namespace
}  // namespace postern::policy
