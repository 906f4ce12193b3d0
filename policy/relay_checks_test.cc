// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/relay_checks.h"

#include <unistd.h>

#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/grammar/ip_address.h"
#include "files/test_directory.h"
#include "gtest/gtest.h"
#include "net/own_addresses.h"
#include "policy/checks.h"
#include "policy/control/controls.h"
#include "policy/decision.h"

namespace postern::policy {
namespace {

// This host has 127.0.0.1 and 0.0.0.0, or listing its addresses fails.
class FakeAddresses : public net::OwnAddresses {
 public:
  explicit FakeAddresses(bool fails) : fails_(fails) {}
  absl::StatusOr<bool> Contains(const IpAddress& address) const override {
    if (fails_) return absl::UnavailableError("no interfaces");
    return address == IpAddress::V4({0, 0, 0, 0}) ||
           address == IpAddress::V4({127, 0, 0, 1});
  }

 private:
  const bool fails_;
};

// The settings in which the cases of a table differ.
struct Setting {
  std::string rcpthosts = "local.example\n.sub.example\n";
  std::string badmailfrom;
  files::TestDirectory::Records more;
  NameStatus name_status = NameStatus::kNone;
  std::optional<std::string> relay_client;
  std::string identity;
  bool open_relay = false;  // needs a missing rcpthosts
  bool addresses_fail = false;
  bool senders = false;
};

// The decisions of the whole list of checks.
class Rules {
 public:
  Rules(std::shared_ptr<const Controls> controls,
        std::shared_ptr<const net::OwnAddresses> own_addresses)
      : checks_(*Checks::Make({.controls = std::move(controls),
                               .own_addresses = std::move(own_addresses)})) {}

  Decision Decide(const Rcpt& rcpt, const SessionInfo& session) const {
    Ask ask;
    ask.what = rcpt;
    return DecideNow(ask, session);
  }
  Decision DecideMail(const Mail& mail, const SessionInfo& session) const {
    Ask ask;
    ask.what = mail;
    return DecideNow(ask, session);
  }

 private:
  Decision DecideNow(const Ask& ask, const SessionInfo& session) const {
    const std::optional<Verdict> verdict =
        checks_->Decide(ask, std::make_shared<const SessionInfo>(session),
                        []() -> Policy::Done {
                          ADD_FAILURE() << "the answer comes later";
                          return [](const Verdict&) {};
                        });
    if (!verdict) return {};
    std::optional<Decision> decision = DecisionToLog(ask, *verdict);
    if (decision) return *decision;
    return {.stage = CheckStage::kMail,
            .kind = Verdict::Kind::kAccept,
            .reply = {250, {2, 1, 0}, "ok"}};
  }

  const std::shared_ptr<Checks> checks_;
};

// Returns the recipient in the envelope.
Path InEnvelope(const Decision& decision) {
  return decision.as.value_or(decision.to);
}

class RelayChecksTest : public testing::Test {
 protected:
  Rules MakeRules(const Setting& setting) {
    folder_.Write("me", "mx.example.org\n");
    folder_.Write("localiphost", "local.example\n");
    folder_.Write("rcpthosts", setting.rcpthosts);
    folder_.Write("badmailfrom", setting.badmailfrom);
    folder_.WriteCdb("morercpthosts.cdb", setting.more);
    if (setting.open_relay) folder_.Remove("rcpthosts");
    absl::StatusOr<Controls> controls =
        ReadControls({.directory = folder_.path(),
                      .open_relay = setting.open_relay,
                      .senders = setting.senders});
    EXPECT_TRUE(controls.ok()) << controls.status();
    return Rules(std::make_shared<const Controls>(*std::move(controls)),
                 std::make_shared<FakeAddresses>(setting.addresses_fail));
  }

  static SessionInfo Session(const Setting& setting) {
    SessionInfo session;
    session.relay_client = setting.relay_client;
    session.identity = setting.identity;
    session.name_status = setting.name_status;
    return session;
  }

  static Path Parsed(absl::string_view text) {
    const std::optional<ParsedPath> parsed = ParsePath(text);
    EXPECT_TRUE(parsed.has_value()) << std::string(text);
    return parsed ? parsed->path : Path();
  }

  Decision Decide(absl::string_view to, const Setting& setting = {},
                  absl::string_view from = "<s@x.example>") {
    return MakeRules(setting).Decide({Parsed(from), Parsed(to)},
                                     Session(setting));
  }

  files::TestDirectory folder_;
};

TEST_F(RelayChecksTest, DecidesByTheDomainAsQmailDoes) {
  const struct {
    absl::string_view to;
    absl::string_view rule;
    absl::string_view address = "";  // in the envelope; empty: as sent
  } cases[] = {
      // qmail-smtpd behaviour 1: the envelope keeps the case as sent.
      {"<u@LOCAL.Example>", "rcpthosts", "u@LOCAL.Example"},
      // qmail-smtpd behaviour 2.
      {"<u@sub.example>", "not-listed"},
      {"<u@a.sub.example>", "rcpthosts"},
      {"<u@a.b.sub.example>", "rcpthosts"},
      // qmail-smtpd behaviour 3.
      {"<u>", "local-name", "u"},
      {"<Postmaster>", "local-name", "Postmaster"},
      // qmail-smtpd behaviour 4, the part that concerns the policy.
      {"<>", "local-name", ""},
      // qmail-smtpd behaviour 7: the last '@' decides; the quotes are removed.
      {"<\"a@evil\"@local.example>", "rcpthosts", "a@evil@local.example"},
      {"<\"a@local.example\"@evil>", "not-listed"},
      {"<\"a@local.example@\"@evil>", "not-listed"},
      // qmail-smtpd behaviour 8.
      {"<u@local.example.>", "not-listed"},
      // qmail-smtpd behaviour 10.
      {"<@r1,@r2:u@local.example>", "rcpthosts", "u@local.example"},
      {"<@local.example:u@evil>", "not-listed", "u@evil"},
      // qmail-smtpd behaviour 12.
      {"u@local.example NOTIFY=NEVER", "rcpthosts", "u@local.example"},
      // qmail-smtpd behaviour 15.
      {"<\"a>b\"@local.example>", "rcpthosts", "a>b@local.example"},
      // qmail-smtpd behaviour 18.
      {"<u@[127.0.0.1]>", "rcpthosts", "u@local.example"},
      {"<u@[127.0.0.01]>", "rcpthosts", "u@local.example"},
      {"<u@[0.0.0.0]>", "rcpthosts", "u@local.example"},
      {"<u@[192.0.2.55]>", "not-listed", "u@[192.0.2.55]"},
      {"<u@[IPv6:::1]>", "not-listed"},
      {"<u@[IPv6:::ffff:127.0.0.1]>", "not-listed"},
      // Addresses that relay tests use.
      {"<u%evil@local.example>", "rcpthosts"},
      {"<evil!u@local.example>", "rcpthosts"},
      {"<u%local.example@evil>", "not-listed"},
      {"<local.example!u@evil>", "not-listed"},
      {"<u@local.example.evil>", "not-listed"},
      {"<u@xlocal.example>", "not-listed"},
      {"<u@x.local.example>", "not-listed"},
      {"<u@127.0.0.1>", "not-listed"},
      {"<\"u@local.example \"@evil>", "not-listed"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(std::string(c.to));
    const Decision decision = Decide(c.to);
    EXPECT_EQ(decision.rule, c.rule);
    EXPECT_EQ(decision.accepted(), c.rule != "not-listed");
    EXPECT_EQ(InEnvelope(decision).Address(), c.address.empty()
                                                  ? Parsed(c.to).Address()
                                                  : std::string(c.address));
    EXPECT_EQ(decision.from, (Path{"s", "x.example"}));
    EXPECT_EQ(decision.reply.code == 250, decision.accepted());
  }
}

TEST_F(RelayChecksTest, UsersUseTheirOwnSenders) {
  const struct {
    absl::string_view identity;
    absl::string_view from;
    bool accepted;
    std::optional<std::string> relay_client = {};
  } cases[] = {
      {"ann", "<ann@x.example>", true},
      {"ann", "<ann@X.Example>", true},
      {"ann", "<Ann@x.example>", false},
      {"ann", "<bob@x.example>", false},
      {"ann", "<bob@x.example>", false, ""},  // RELAYCLIENT concerns recipients
      {"ann", "<s@[127.0.0.1]>", true},       // as the envelope has it
      {"ann", "<s@[192.0.2.55]>", false},
      {"ann", "<>", true},
      {"ann", "<#@[]>", false},
      {"bob@x.example", "<bob@x.example>", true},  // not in the list
      {"bob@x.example", "<ann@x.example>", false},
      {"eve", "<ann@x.example>", false},
      {"", "<ann@x.example>", true},  // no user: the check does not apply
      {"", "<ann@x.example>", true, ""},
  };
  folder_.Write("senders", "ann:ann@x.example @local.example\n");
  for (const auto& c : cases) {
    SCOPED_TRACE(std::string(c.identity) + " " + std::string(c.from));
    Setting setting;
    setting.senders = true;
    setting.identity = std::string(c.identity);
    setting.relay_client = c.relay_client;
    const Decision decision =
        MakeRules(setting).DecideMail({Parsed(c.from)}, Session(setting));
    EXPECT_EQ(decision.rule, c.accepted ? "" : "senders");
    EXPECT_EQ(decision.accepted(), c.accepted);
    EXPECT_EQ(decision.reply.code, c.accepted ? 250 : 553);
    // Without the option, every sender is accepted.
    setting.senders = false;
    EXPECT_TRUE(MakeRules(setting)
                    .DecideMail({Parsed(c.from)}, Session(setting))
                    .accepted());
  }
}

TEST_F(RelayChecksTest, UnreadableSendersDatabaseRefusesTemporarily) {
  folder_.Write("senders", "");
  folder_.WriteCdb("senders.cdb", {{"ann", "ann@x.example"}});
  Setting setting;
  setting.senders = true;
  setting.identity = "ann";
  const Rules rules = MakeRules(setting);
  EXPECT_TRUE(
      rules.DecideMail({{"ann", "x.example"}}, Session(setting)).accepted());
  ASSERT_EQ(truncate(folder_.File("senders.cdb").c_str(), 2048), 0);
  const Decision decision =
      rules.DecideMail({{"ann", "x.example"}}, Session(setting));
  EXPECT_EQ(decision.kind, Verdict::Kind::kDrop);
  EXPECT_EQ(decision.rule, "senders");
  EXPECT_EQ(decision.reply.code, 421);
  EXPECT_TRUE(absl::StrContains(decision.source, "senders.cdb"));
}

// qmail-smtpd behaviours 9, 11, 13, 14, 17, the upper limit of 19, and parts of
// 7, 15 and 18 concern ParsePath(), which refuses addresses that qmail accepts.
// path_test covers them.
TEST_F(RelayChecksTest, TheParserRefusesInvalidAddresses) {
  for (absl::string_view text :
       {"<u@>", "<@foo>", "<u@local.example", "< u@local.example>",
        "<u@local.example >", "<a@evil@local.example>", "<u@[383.0.0.257]>", "",
        "<\"u@evil\">"}) {
    EXPECT_FALSE(ParsePath(text).has_value()) << std::string(text);
  }
}

// If a parser ever accepts these, the text for the queue decides.
TEST_F(RelayChecksTest, PathsThatNoParserMakesAreSafe) {
  const struct {
    Path to;
    absl::string_view rule;
  } cases[] = {
      {{"u@evil", ""}, "not-listed"},
      {{"u@evil", "local.example"}, "rcpthosts"},
      {{"u@local.example", "evil"}, "not-listed"},
      {{"u", "local.example@evil"}, "not-listed"},
      {{"u", "evil@local.example"}, "rcpthosts"},
      {{"u@local.example", ""}, "rcpthosts"},
      {{"u@", ""}, "not-listed"},  // qmail-smtpd behaviour 9
      {{"@", ""}, "not-listed"},
      {{"u@evil", "@"}, "not-listed"},
      {{"u", "local.example "}, "not-listed"},
      {{"u", "[383.0.0.257]"}, "not-listed"},
      {{std::string("u@evil\0", 7), "local.example"}, "bad-address"},
      {{"u", std::string("evil\0.sub.example", 17)}, "bad-address"},
      {{"u", "evil\n.sub.example"}, "bad-address"},
      {{"u\x7f", ""}, "bad-address"},
  };
  const Rules rules = MakeRules({});
  for (const auto& c : cases) {
    SCOPED_TRACE(FormatPath(c.to));
    const Decision decision = rules.Decide({{}, c.to}, {});
    EXPECT_EQ(decision.rule, c.rule);
    EXPECT_EQ(decision.to.Address(), c.to.Address());
  }
  SessionInfo relay;
  relay.relay_client = "";
  const Path forged = {std::string("s\0Tevil@x", 9), "y"};
  EXPECT_EQ(rules.Decide({forged, {"u", "y"}}, relay).rule, "bad-address");
}

// SMTPUTF8 (RFC 6531) permits such addresses. A domain in UTF-8 and its xn--
// form are one name. Nothing else is converted; host_list_test covers the
// domains.
TEST_F(RelayChecksTest, ADomainInUtf8AndItsFormInXnAreOneName) {
  const Rules rules =
      MakeRules({.rcpthosts = "local.example\nb\xc3\xbc"
                              "cher.example\n",
                 .badmailfrom = "s@\xc3\xa4.example\n@d\xc3\xb6.example\n"});
  const struct {
    Path to;
    absl::string_view rule;
    Path from = {"s", "x.example"};
  } cases[] = {
      {{"u",
        "B\xc3\xbc"
        "CHER.example"},
       "rcpthosts"},
      {{"\xc3\xbc", "local.example"}, "rcpthosts"},
      {{"u",
        "b\xc3\x9c"
        "cher.example"},
       "not-listed"},
      {{"u", "xn--bcher-kva.example"}, "rcpthosts"},
      {{"u", "xn--bcher-2pa.example"}, "not-listed"},
      {{"u",
        "l\xd0\xbe"
        "cal.example"},
       "not-listed"},
      {{"u", "\xc1\xacocal.example"}, "not-listed"},
      {{"u",
        "local\xe3\x80\x82"
        "example"},
       "not-listed"},
      // A full-width '@' is not a '@', and an overlong '@' is not one either.
      {{"u\xef\xbc\xa0local.example", "evil"}, "not-listed"},
      {{"u\xef\xbc\xa0"
        "evil",
        "local.example"},
       "rcpthosts"},
      {{"u\xc1\x80"
        "evil",
        "local.example"},
       "rcpthosts"},
      {{"u",
        "[\xef\xbc\x91"
        "27.0.0.1]"},
       "not-listed"},
      {{"u", "local.example"}, "badmailfrom", {"S", "\xc3\xa4.EXAMPLE"}},
      {{"u", "local.example"}, "rcpthosts", {"s", "\xc3\x84.example"}},
      {{"u", "local.example"}, "badmailfrom", {"x", "D\xc3\xb6.example"}},
      {{"u", "local.example"}, "badmailfrom", {"x", "xn--d-1ga.example"}},
      {{"u", "local.example"}, "badmailfrom", {"S", "XN--4CA.example"}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.to.Address());
    const Decision decision = rules.Decide({c.from, c.to}, {});
    EXPECT_EQ(decision.rule, c.rule);
    EXPECT_EQ(decision.to, c.to);
    const std::string line = FormatDecision(decision, {});
    for (char byte : line) EXPECT_TRUE(absl::ascii_isprint(byte)) << line;
  }
  EXPECT_TRUE(absl::StrContains(
      FormatDecision(rules.Decide({{}, {"\xc3\xbc", "l\xd0\xbe"}}, {}), {}),
      " to=<\\xc3\\xbc@l\\xd0\\xbe> "));
}

TEST_F(RelayChecksTest, SourceIsTheLineOrTheKey) {
  const Setting setting = {.rcpthosts = "# ours\n\nlocal.example\n.sub.example",
                           .more = {{"more.example", ""}}};
  const std::string file = folder_.File("rcpthosts");
  EXPECT_EQ(Decide("<u@Local.example>", setting).source, file + ":3");
  EXPECT_EQ(Decide("<u@a.b.sub.example>", setting).source, file + ":4");
  // qmail-smtpd behaviour 24.
  const Decision more = Decide("<u@More.example>", setting);
  EXPECT_EQ(more.rule, "morercpthosts");
  EXPECT_EQ(more.source,
            folder_.File("morercpthosts.cdb") + " key more.example");
  EXPECT_EQ(more.reply, (Reply{250, {2, 1, 5}, "ok"}));
}

TEST_F(RelayChecksTest, RefusesWithTheTextOfQmail) {
  const Decision decision = Decide("<u@evil.example>");
  EXPECT_EQ(decision.kind, Verdict::Kind::kRefuse);
  EXPECT_EQ(decision.source, "");
  EXPECT_EQ(FormatReply(decision.reply),
            "553 5.7.1 sorry, that domain isn't in my list of allowed "
            "rcpthosts (#5.7.1)\r\n");
}

// qmail-smtpd behaviours 3 and 5.
TEST_F(RelayChecksTest, UnknownHostNameRefusesTemporarily) {
  const Setting unknown = {.name_status = NameStatus::kTemporary};
  const Decision decision = Decide("<u@elsewhere.example>", unknown);
  EXPECT_EQ(decision.rule, "not-listed");
  EXPECT_EQ(decision.reply.code, 451);
  EXPECT_EQ(Decide("<u@local.example>", unknown).reply.code, 250);
  for (NameStatus status : {NameStatus::kNone, NameStatus::kForged,
                            NameStatus::kConfirmed, NameStatus::kUnchecked}) {
    EXPECT_EQ(
        Decide("<u@elsewhere.example>", {.name_status = status}).reply.code,
        553);
  }
}

TEST_F(RelayChecksTest, EmptyListAcceptsOnlyLocalNames) {
  const Setting setting = {.rcpthosts = ""};
  EXPECT_EQ(Decide("<u>", setting).rule, "local-name");
  EXPECT_EQ(Decide("<u@evil>", setting).rule, "not-listed");
  EXPECT_EQ(Decide("<u@[127.0.0.1]>", setting).rule, "not-listed");
}

// qmail-smtpd behaviour 18, last part.
TEST_F(RelayChecksTest, LiteralOfAnotherHostCanBeListed) {
  const Setting setting = {.rcpthosts = "[192.0.2.55]\n"};
  const Decision decision = Decide("<u@[192.0.2.55]>", setting);
  EXPECT_EQ(decision.rule, "rcpthosts");
  EXPECT_EQ(InEnvelope(decision).Address(), "u@[192.0.2.55]");
}

// qmail-smtpd behaviour 19, the lower limit.
TEST_F(RelayChecksTest, AcceptsTheLongestAddress) {
  const std::string local(899 - 14, 'l');
  EXPECT_EQ(Decide("<" + local + "@local.example>").rule, "rcpthosts");
  EXPECT_FALSE(ParsePath("<l" + local + "@local.example>").has_value());
}

// qmail-smtpd behaviour 20.
TEST_F(RelayChecksTest, RelayClientValueIsAppendedToTheAddress) {
  const struct {
    absl::string_view value;
    absl::string_view to;
    Path path;
  } cases[] = {
      {"", "<u@evil>", {"u", "evil"}},
      {"", "<u>", {"u", ""}},
      {".fix", "<u@evil>", {"u", "evil.fix"}},
      {".fix", "<u>", {"u.fix", ""}},
      {"@fixme", "<u>", {"u", "fixme"}},
      {"@fixme", "<u@evil>", {"u@evil", "fixme"}},
      {"@fixme", "<>", {"", "fixme"}},
      {"%x@fixme", "<\"a b\"@evil>", {"a b@evil%x", "fixme"}},
      {".fix", "<u@[127.0.0.1]>", {"u", "local.example.fix"}},
      {"", "<u@[127.0.0.1]>", {"u", "local.example"}},
      {"", "<u@[192.0.2.55]>", {"u", "[192.0.2.55]"}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(absl::StrCat(std::string(c.to), " ", std::string(c.value)));
    const Decision decision =
        Decide(c.to, {.relay_client = std::string(c.value)});
    EXPECT_TRUE(decision.accepted());
    EXPECT_EQ(decision.rule, "relayclient");
    EXPECT_EQ(decision.source, "RELAYCLIENT");
    EXPECT_EQ(InEnvelope(decision), c.path);
  }
  const std::string longest = "<" + std::string(899 - 2, 'l') + "@d>";
  EXPECT_EQ(InEnvelope(Decide(longest, {.relay_client = std::string(200, 'x')}))
                .Address()
                .size(),
            1099u);  // the queue decides about its length
}

TEST_F(RelayChecksTest, RelayClientValueMustBePrintable) {
  for (absl::string_view value : {"", "@fixme", ".fix", "%a b@c", "~"}) {
    EXPECT_TRUE(ValidateRelayClient(value).ok()) << std::string(value);
  }
  for (absl::string_view value :
       {absl::string_view("a\0b", 3), absl::string_view("a\r"),
        absl::string_view("\n"), absl::string_view("\t"),
        absl::string_view("\x7f"), absl::string_view("\x80"),
        absl::string_view("\xc3\xa4"), absl::string_view("@"),
        absl::string_view(".fix@")}) {
    EXPECT_EQ(ValidateRelayClient(value).code(),
              absl::StatusCode::kInvalidArgument)
        << std::string(value);
    const Decision decision =
        Decide("<u@evil>", {.relay_client = std::string(value)});
    EXPECT_EQ(decision.kind, Verdict::Kind::kDrop);
    EXPECT_EQ(decision.rule, "relayclient");
  }
}

TEST_F(RelayChecksTest, AuthenticatedSessionsRelay) {
  const Decision decision = Decide("<u@evil>", {.identity = "joe"});
  EXPECT_TRUE(decision.accepted());
  EXPECT_EQ(decision.rule, "authenticated");
  EXPECT_EQ(decision.source, "user joe");
  EXPECT_EQ(InEnvelope(decision).Address(), "u@evil");
}

TEST_F(RelayChecksTest, ChecksDecideInOrder) {
  Setting setting = {.badmailfrom = "s@x.example\n",
                     .more = {{"local.example", ""}},
                     .relay_client = "",
                     .identity = "joe"};
  const auto rule = [&](absl::string_view to) {
    return Decide(to, setting).rule;
  };
  // qmail-smtpd behaviour 21: the sender comes first, also for relay clients.
  EXPECT_EQ(rule("<u@local.example>"), "badmailfrom");
  EXPECT_EQ(rule("<u>"), "badmailfrom");
  setting.badmailfrom = "";
  EXPECT_EQ(rule("<u@local.example>"), "relayclient");
  EXPECT_EQ(rule("<u>"), "relayclient");
  setting.relay_client.reset();
  EXPECT_EQ(rule("<u@local.example>"), "authenticated");
  setting.identity = "";
  EXPECT_EQ(rule("<u>"), "local-name");
  EXPECT_EQ(rule("<u@local.example>"), "rcpthosts");
  setting.rcpthosts = "";
  EXPECT_EQ(rule("<u@local.example>"), "morercpthosts");
  EXPECT_EQ(rule("<u@evil>"), "not-listed");
  setting.open_relay = true;
  EXPECT_EQ(rule("<u@local.example>"), "open-relay");
  EXPECT_EQ(rule("<u@evil>"), "open-relay");
  EXPECT_EQ(rule("<u>"), "local-name");
}

// qmail-smtpd behaviour 22.
TEST_F(RelayChecksTest, BadMailFromListsAddressesAndWholeDomains) {
  const Setting setting = {.badmailfrom =
                               "# bad\n"
                               "S@X.EXAMPLE\n"
                               "@bad.example\n"
                               "@example\n"
                               "nodomain\n"
                               "a b@quoted.example\n"
                               "cr@cr.example\r\n"
                               "l@local.example\n"};
  const struct {
    absl::string_view from;
    int line;  // 0: not listed
  } cases[] = {
      {"<s@x.example>", 2},
      {"<S@x.Example>", 2},
      {"<t@x.example>", 0},  // @example does not match subdomains
      {"<x@bad.example>", 3},
      {"<x@BAD.example>", 3},
      {"<x@sub.bad.example>", 0},
      {"<\"x@bad.example\"@ok.example>", 0},
      {"<\"x@ok.example\"@bad.example>", 3},
      {"<nodomain>", 5},
      {"<nodomain@y>", 0},
      {"<\"a b\"@quoted.example>", 6},
      {"<cr@cr.example>", 0},
      {"<l@[127.0.0.1]>", 8},  // literals are replaced in senders too
      {"<>", 0},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(std::string(c.from));
    const Decision decision = Decide("<u@local.example>", setting, c.from);
    EXPECT_EQ(decision.accepted(), c.line == 0);
    if (c.line == 0) continue;
    EXPECT_EQ(decision.kind, Verdict::Kind::kRefuse);
    EXPECT_EQ(decision.rule, "badmailfrom");
    EXPECT_EQ(decision.source,
              absl::StrCat(folder_.File("badmailfrom"), ":", c.line));
    EXPECT_EQ(FormatReply(decision.reply),
              "553 5.7.1 sorry, your envelope sender is in my badmailfrom "
              "list (#5.7.1)\r\n");
  }
}

TEST_F(RelayChecksTest, UnknownOwnAddressesEndTheSession) {
  const Setting setting = {.relay_client = "", .addresses_fail = true};
  // Without an IPv4 literal, the addresses are not needed.
  EXPECT_TRUE(Decide("<u@local.example>", setting).accepted());
  EXPECT_TRUE(Decide("<u@[IPv6:::1]>", setting).accepted());
  for (const Decision& decision :
       {Decide("<u@[192.0.2.55]>", setting),
        Decide("<u@local.example>", setting, "<s@[127.0.0.1]>")}) {
    EXPECT_EQ(decision.kind, Verdict::Kind::kDrop);
    EXPECT_EQ(decision.rule, "localiphost");
    EXPECT_EQ(decision.source, "no interfaces");
    EXPECT_EQ(FormatReply(decision.reply),
              "421 4.3.0 unable to figure out my IP addresses (#4.3.0)\r\n");
  }
}

TEST_F(RelayChecksTest, UnreadableDatabaseEndsTheSession) {
  const Rules rules = MakeRules({.more = {{"more.example", ""}}});
  ASSERT_EQ(truncate(folder_.File("morercpthosts.cdb").c_str(), 2048), 0);
  const Decision decision = rules.Decide({{}, {"u", "more.example"}}, {});
  EXPECT_EQ(decision.kind, Verdict::Kind::kDrop);
  EXPECT_EQ(decision.rule, "morercpthosts");
  EXPECT_TRUE(absl::StrContains(decision.source,
                                folder_.File("morercpthosts.cdb") + ": "));
  EXPECT_EQ(FormatReply(decision.reply),
            "421 4.3.0 unable to read controls (#4.3.0)\r\n");
  EXPECT_TRUE(rules.Decide({{}, {"u", "local.example"}}, {}).accepted());
}

// Returns whether `lines` contain the domain of `address`, by a simple second
// implementation.
bool Listed(const std::vector<std::string>& lines, const std::string& address) {
  const size_t at = address.rfind('@');
  if (at == std::string::npos) return true;
  const std::string domain = absl::AsciiStrToLower(address.substr(at + 1));
  for (const std::string& line : lines) {
    if (line == domain) return true;
    if (line[0] == '.' && domain.size() > line.size() &&
        absl::EndsWith(domain, line)) {
      return true;
    }
  }
  return false;
}

TEST_F(RelayChecksTest, ParsedAndFormattedAddressesGetTheSameDecision) {
  const std::vector<std::string> lines = {"a.b", ".c", ".b.a", "b"};
  const Rules rules = MakeRules({.rcpthosts = "a.b\n.c\n.b.a\nb\n"});
  const absl::string_view pieces[] = {
      "a",    "b",  "c",   "A",    "B",         "C",   ".",  ".",
      "@",    "@",  "\"",  "<",    ">",         ":",   ",",  "\\",
      " ",    "%",  "!",   "[",    "]",         "\"@", ".c", ".b",
      "@a.b", "@b", "\\@", "\x80", "127.0.0.1", "<\"", "\">"};
  std::mt19937 random(28);
  int parsed_paths = 0;
  int accepted = 0;
  for (int round = 0; round < 400000; ++round) {
    std::string text = random() % 2 == 0 ? "<" : "<\"";
    for (size_t i = 1 + random() % 7; i > 0; --i) {
      absl::StrAppend(&text, pieces[random() % std::size(pieces)]);
    }
    if (random() % 2 == 0) text += "@a.b";
    text += ">";
    const std::optional<ParsedPath> once = ParsePath(text);
    if (!once) continue;
    ++parsed_paths;
    const std::optional<ParsedPath> twice = ParsePath(FormatPath(once->path));
    ASSERT_TRUE(twice.has_value()) << text;
    const Decision decision = rules.Decide({{}, once->path}, {});
    ASSERT_EQ(decision, rules.Decide({{}, twice->path}, {})) << text;
    ASSERT_EQ(InEnvelope(decision), once->path) << text;
    ASSERT_EQ(decision.accepted(),
              Listed(lines, InEnvelope(decision).Address()))
        << text;
    accepted += decision.accepted() ? 1 : 0;
  }
  // The generator reaches both outcomes.
  EXPECT_GT(accepted, 1000);
  EXPECT_GT(parsed_paths - accepted, 1000);
}

}  // namespace
}  // namespace postern::policy
