// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/decision.h"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/grammar/ip_address.h"
#include "gtest/gtest.h"
#include "log/log_line.h"

namespace postern::policy {
namespace {

SessionInfo Session() {
  SessionInfo session;
  session.remote_address = IpAddress::Parse("192.0.2.1");
  session.remote_name = "client.example";
  return session;
}

Decision Accepted() {
  return {.kind = Verdict::Kind::kAccept,
          .rule = "rcpthosts",
          .source = "/var/qmail/control/rcpthosts:3",
          .from = {"s", "x"},
          .to = {"u", "y"},
          .reply = {250, {2, 1, 5}, "ok"}};
}

TEST(DecisionTest, FormatsOneLine) {
  EXPECT_EQ(FormatDecision(Accepted(), Session()),
            "rcpt decision=accept rule=rcpthosts "
            "source=/var/qmail/control/rcpthosts:3 ip=192.0.2.1 "
            "host=client.example from=<s@x> to=<u@y> reply=\"250 2.1.5 ok\"");
  Decision refused;
  refused.rule = "not-listed";
  refused.to = {"u", "evil.example"};
  refused.reply = {553, {}, "no"};
  EXPECT_EQ(FormatDecision(refused, SessionInfo()),
            "rcpt decision=refuse rule=not-listed source=\"\" ip=\"\" "
            "host=\"\" from=<> to=<u@evil.example> reply=\"553 no\"");
  Decision dropped;
  dropped.kind = Verdict::Kind::kDrop;
  dropped.rule = "morercpthosts";
  dropped.source = "cdb /c/m.cdb: short read at 2048";
  dropped.to = {"postmaster", ""};
  dropped.reply = {421, {4, 3, 0}, "two\nlines"};
  EXPECT_EQ(FormatDecision(dropped, Session()),
            "rcpt decision=drop rule=morercpthosts "
            "source=\"cdb /c/m.cdb: short read at 2048\" ip=192.0.2.1 "
            "host=client.example from=<> to=<postmaster> "
            "reply=\"421 4.3.0 two\\x0alines\"");
}

TEST(DecisionTest, LineHasTheFactsOfTheSession) {
  Decision decision = Accepted();
  decision.as = Path{"u", "z"};
  SessionInfo session = Session();
  session.hello_name = "mx client";
  session.identity = "ann";
  constexpr std::pair<NameStatus, absl::string_view> kStatuses[] = {
      {NameStatus::kUnchecked, "unchecked"},
      {NameStatus::kConfirmed, "confirmed"},
      {NameStatus::kTemporary, "temporary"},
      {NameStatus::kForged, "forged"},
  };
  for (const auto& [status, text] : kStatuses) {
    session.name_status = status;
    EXPECT_EQ(FindNameStatus(text), status);
    EXPECT_EQ(FormatDecision(decision, session),
              absl::StrCat("rcpt decision=accept rule=rcpthosts "
                           "source=/var/qmail/control/rcpthosts:3 ip=192.0.2.1 "
                           "host=client.example host-status=",
                           text,
                           " helo=mx\\x20client user=ann from=<s@x> to=<u@y> "
                           "as=<u@z> reply=\"250 2.1.5 ok\""));
  }
  EXPECT_EQ(FindNameStatus("none"), NameStatus::kNone);
  EXPECT_EQ(FindNameStatus("known"), std::nullopt);
}

TEST(DecisionTest, DecisionAboutASenderHasNoRecipient) {
  Decision decision;
  decision.stage = CheckStage::kMail;
  decision.rule = "senders";
  decision.source = "user ann";
  decision.from = {"s", "x"};
  decision.reply = {553, {5, 7, 1}, "no"};
  EXPECT_EQ(FormatDecision(decision, Session()),
            "mail decision=refuse rule=senders source=\"user ann\" "
            "ip=192.0.2.1 host=client.example from=<s@x> "
            "reply=\"553 5.7.1 no\"");
}

TEST(DecisionTest, LogsRefusalsAndAnswersAboutRecipients) {
  const Verdict no =
      Verdict::Refuse({550, {5, 7, 1}, "no"}).By("rule").From("file:1");
  const auto ask = [](auto what) {
    Ask about;
    about.what = std::move(what);
    return about;
  };
  EXPECT_FALSE(DecisionToLog(ask(Connected{}), Verdict::Accept()));
  EXPECT_FALSE(DecisionToLog(ask(Mail{}), Verdict::Accept()));
  EXPECT_FALSE(DecisionToLog(ask(Verify{}), no));
  EXPECT_EQ(FormatDecision(*DecisionToLog(ask(Connected{}), no), Session()),
            "connect decision=refuse rule=rule source=file:1 ip=192.0.2.1 "
            "host=client.example reply=\"550 5.7.1 no\"");
  const Rcpt rcpt{.from = {"s", "x"}, .to = {"u", "y"}, .message = 7};
  Decision decision =
      *DecisionToLog(ask(rcpt), Verdict::AcceptAs({"u", "z"}).By("rule"));
  EXPECT_TRUE(decision.accepted());
  EXPECT_EQ(decision.message, 7);
  EXPECT_EQ(decision.to, (Path{"u", "y"}));
  EXPECT_EQ(decision.as, (Path{"u", "z"}));
  EXPECT_EQ(decision.reply, (Reply{250, {2, 1, 5}, "ok"}));
  EXPECT_EQ(
      DecisionToLog(ask(rcpt), Verdict::AcceptAs({"u", "y"}).By("rule"))->as,
      std::nullopt);
  decision = *DecisionToLog(ask(Mail{.from = {"s", "x"}, .message = 8}), no);
  EXPECT_EQ(decision.stage, CheckStage::kMail);
  EXPECT_EQ(decision.message, 8);
  EXPECT_EQ(decision.from, (Path{"s", "x"}));
}

TEST(DecisionTest, EscapesAmbiguousBytes) {
  const struct {
    Path path;
    absl::string_view written;
  } cases[] = {
      {{"a> to=<b", "c"}, "<a\\x3e\\x20to\\x3d\\x3cb@c>"},
      {{"a b", "c"}, "<a\\x20b@c>"},
      {{"a@evil", "c"}, "<a@evil@c>"},
      {{"a\"b\\", "c"}, "<a\\x22b\\x5c@c>"},
      {{"\r\n\t\x7f\x80\xff", "c"}, "<\\x0d\\x0a\\x09\\x7f\\x80\\xff@c>"},
      {{std::string("\0", 1), "c"}, "<\\x00@c>"},
      {{"\x1b[31m", "c"}, "<\\x1b[31m@c>"},
      {{"\\x41", "c"}, "<\\x5cx41@c>"},
      {{"a=b;%s", "c"}, "<a\\x3db;%s@c>"},
  };
  for (const auto& c : cases) {
    Decision decision = Accepted();
    decision.to = c.path;
    EXPECT_TRUE(absl::StrContains(FormatDecision(decision, Session()),
                                  " to=" + std::string(c.written) + " reply="))
        << FormatDecision(decision, Session());
  }
}

TEST(DecisionTest, CutsValuesSoThatTheLineFitsAPipe) {
  for (const std::string& text :
       {std::string(5000, 'a'), std::string(5000, '\n'),
        std::string(5000, ' ')}) {
    Decision decision;
    decision.source = decision.reply.text = text;
    decision.rule = "a-rule-with-a-long-name";
    decision.from.local_part = decision.to.domain = text;
    decision.as = Path{text, "x"};
    SessionInfo session;
    session.session_id = "3naomexa2gw0x1";
    session.remote_address =
        IpAddress::Parse("2001:db8:1111:2222:3333:4444:5555:6666");
    session.remote_name = session.hello_name = session.identity = text;
    session.name_status = NameStatus::kUnchecked;
    decision.message = 1'000'000;
    const log::LogStyle json(log::LogFormat::kJson, text, 4194304);
    EXPECT_LT(LogDecision(decision, session, json).End().size(), 4096u);
    const log::LogStyle logfmt(log::LogFormat::kLogfmt, text, 4194304);
    const std::string line = LogDecision(decision, session, logfmt).End();
    EXPECT_LT(line.size(), 4096u);
    for (absl::string_view end :
         {"\\...> to=", "\\...> as=", "\\...> reply="}) {
      EXPECT_TRUE(absl::StrContains(line, end)) << line;
    }
  }
  // The longest values that are not cut, and the shortest that are.
  Decision decision;
  decision.to.local_part = std::string(log::kMaxLoggedAddress, 'a');
  EXPECT_FALSE(absl::StrContains(FormatDecision(decision, {}), "\\..."));
  decision.to.local_part += "a";
  EXPECT_TRUE(absl::StrContains(FormatDecision(decision, {}), "\\...> reply="));
  for (size_t plain = log::kMaxLoggedAddress - 12;
       plain < log::kMaxLoggedAddress; ++plain) {
    decision.to.local_part = std::string(plain, 'a') + "\n\n";
    const std::string line = FormatDecision(decision, {});
    const size_t start = line.find("to=<") + 4;
    EXPECT_LE(line.find('>', start) - start, log::kMaxLoggedAddress);
  }
}

// Returns the fields of a line, parsed by the grammar in the header alone.
// Returns nullopt if `line` does not follow the grammar.
std::optional<std::vector<std::pair<std::string, std::string>>> Parse(
    absl::string_view line) {
  std::vector<std::pair<std::string, std::string>> fields;
  if (!absl::StartsWith(line, "rcpt ")) return std::nullopt;
  line.remove_prefix(4);
  while (!line.empty()) {
    const size_t equals = line.find('=');
    if (line[0] != ' ' || equals == absl::string_view::npos) {
      return std::nullopt;
    }
    const std::string name(line.substr(1, equals - 1));
    line.remove_prefix(equals + 1);
    if (line.empty()) return std::nullopt;
    const char open = line[0];
    const bool bare = open != '"' && open != '<';
    const absl::string_view stop = bare ? " " : open == '"' ? "\"" : ">";
    if (!bare) line.remove_prefix(1);
    const size_t end = std::min(line.find(stop[0]), line.size());
    if (!bare && end == line.size()) return std::nullopt;
    std::string value;
    for (size_t i = 0; i < end; ++i) {
      if (line[i] != '\\') {
        value += line[i];
        continue;
      }
      if (line[i + 1] != 'x') return std::nullopt;
      value += static_cast<char>(
          strtol(std::string(line.substr(i + 2, 2)).c_str(), nullptr, 16));
      i += 3;
    }
    line.remove_prefix(bare ? end : end + 1);
    fields.emplace_back(name, value);
  }
  return fields;
}

TEST(DecisionTest, LineHasOneMeaningForAnyClientText) {
  const std::vector<std::string> pieces = {
      "a",       "@",         " ",     "\"",
      "\\",      ">",         "<",     "=",
      "> to=<",  "\n",        "\x80",  "\\x3e",
      "\" ip=1", "decision=", "\\...", std::string("\0x", 2),
      ""};
  std::mt19937 random(7);
  const auto text = [&] {
    std::string out;
    for (size_t i = random() % 6; i > 0; --i) {
      out += pieces[random() % pieces.size()];
    }
    return out;
  };
  for (int round = 0; round < 20000; ++round) {
    Decision decision = Accepted();
    decision.source = text();
    decision.from = {text(), text()};
    decision.to = {text(), text()};
    decision.reply.text = text();
    SessionInfo session;
    session.remote_address = IpAddress::Parse("192.0.2.1");
    session.remote_name = text();
    session.name_status = NameStatus::kForged;
    session.hello_name = "h" + text();
    session.identity = "u" + text();
    decision.as = Path{text(), text()};
    const std::string line = FormatDecision(decision, session);
    for (char c : line) ASSERT_TRUE(c >= 0x20 && c <= 0x7e) << line;
    const auto fields = Parse(line);
    ASSERT_TRUE(fields.has_value()) << line;
    const std::vector<std::pair<std::string, std::string>> expected = {
        {"decision", "accept"},
        {"rule", "rcpthosts"},
        {"source", decision.source},
        {"ip", "192.0.2.1"},
        {"host", session.remote_name},
        {"host-status", "forged"},
        {"helo", session.hello_name},
        {"user", session.identity},
        {"from", decision.from.Address()},
        {"to", decision.to.Address()},
        {"as", decision.as->Address()},
        {"reply", "250 2.1.5 " + decision.reply.text},
    };
    ASSERT_EQ(*fields, expected) << line;
  }
}

}  // namespace
}  // namespace postern::policy
