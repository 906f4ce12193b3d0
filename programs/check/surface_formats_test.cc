// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/check/surface_formats.h"

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "net/address_set.h"
#include "programs/check/surface_report.h"

namespace postern::programs {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

using Effect = SurfaceGroup::Effect;
using Kind = SurfaceClients::Kind;

SurfaceClients Addresses(absl::string_view text, absl::string_view source) {
  SurfaceClients clients;
  clients.kind = Kind::kNetwork;
  clients.addresses = *net::AddressSet::Parse(text);
  clients.source = std::string(source);
  return clients;
}

SurfaceClients Named(Kind kind, absl::string_view name,
                     absl::string_view source) {
  SurfaceClients clients;
  clients.kind = kind;
  clients.name = std::string(name);
  clients.source = std::string(source);
  return clients;
}

SurfaceGroup Group(Effect effect, absl::string_view detail,
                   std::vector<SurfaceClients> clients) {
  SurfaceGroup group;
  group.effect = effect;
  group.detail = std::string(detail);
  group.clients = std::move(clients);
  return group;
}

// A report with something in each list.
SurfaceReport Report() {
  SurfaceReport report;
  report.groups = {
      Group(Effect::kRelay, "",
            {Addresses("203.0.113.0/28", "tcp.smtp:12"),
             Named(Kind::kSuffix, ".example.org", "tcp.smtp:14"),
             Named(Kind::kUsers, "", "")}),
      Group(Effect::kSuffix, "@fix.me", {Addresses("192.0.2.1", "tcp.smtp:3")}),
      Group(Effect::kLocal, "1 entry of rcpthosts",
            {Named(Kind::kOthers, "every other client", "tcp.smtp:20")}),
      Group(Effect::kDenied, "", {Addresses("192.0.2.2", "tcp.smtp:4")}),
      Group(Effect::kOutage, "DATABYTES: \"x\" is no number",
            {Addresses("192.0.2.3", "tcp.smtp:5")}),
  };
  report.domains = {{"local.example", "rcpthosts:1"}};
  policy::Claimant claimant;
  claimant.peers = "10.0.0.1";
  claimant.source = "--xclient-from 10.0.0.1";
  claimant.names = true;
  report.claimants = {claimant};
  report.outside = {{"rcptcheck", "the variable RCPTCHECK", false},
                    {"odd", "--odd", true}};
  report.trusts_dns = true;
  report.own_senders = true;
  report.refused_senders = 2;
  report.unreached = {{"rule", {"192.0.2.1", "tcp.smtp:9", "a copy"}}};
  report.notes = {"A note."};
  report.summary = "may relay: nothing";
  return report;
}

TEST(SurfaceFormatsTest, TheTextIsATable) {
  EXPECT_EQ(SurfaceText(Report()),
            R"(May send to every domain:
  203.0.113.0/28                 by tcp.smtp:12
  host names below .example.org  by tcp.smtp:14 (trusts DNS)
  authenticated users            only with their own senders

May send to every recipient, to which @fix.me is appended:
  192.0.2.1                      by tcp.smtp:3

May send to 1 entry of rcpthosts:
  every other client             by tcp.smtp:20

Denied:
  192.0.2.2                      by tcp.smtp:4

Get a 421: DATABYTES: "x" is no number:
  192.0.2.3                      by tcp.smtp:5

Entries that accept mail from every client:
  local.example                  rcpthosts:1

May claim to be any client:
  10.0.0.1                       --xclient-from 10.0.0.1: any address, any host name

Never used:
  rule 192.0.2.1                 tcp.smtp:9: a copy

Not part of the proof:
  rcptcheck                      the variable RCPTCHECK: may only refuse
  odd                            --odd: may accept
  DNS                            decides which client has a host name of a rule
  the next hop                   may read % or ! in a local part as a route

No client may use the senders of 2 entries of badmailfrom.
A note.
Relay surface: may relay: nothing.
)");
}

TEST(SurfaceFormatsTest, ManyRulesBecomeTheirNetworks) {
  SurfaceReport report;
  std::vector<SurfaceClients> rows;
  for (int i = 0; i < 256; ++i) {
    rows.push_back(Addresses(absl::StrCat("10.0.", i, ".0/24"),
                             absl::StrCat("tcp.smtp:", i + 1)));
  }
  for (int i = 0; i < 100; ++i) {
    rows.push_back(Named(Kind::kName, absl::StrCat("h", i, ".example"), "f"));
  }
  rows.push_back(Named(Kind::kUsers, "", ""));
  report.groups = {Group(Effect::kRelay, "", std::move(rows))};
  const std::string text = SurfaceText(report);
  EXPECT_THAT(text, HasSubstr("  by 256 rules, the first is tcp.smtp:1\n"));
  EXPECT_THAT(text, HasSubstr("\n  10.0.0.0/16 "));
  EXPECT_THAT(text, HasSubstr("authenticated users"));
  EXPECT_THAT(text, HasSubstr("and the clients of 61 more rules"));
  EXPECT_LT(std::vector<std::string>(absl::StrSplit(text, '\n')).size(), 60u);
  // The other forms have each rule.
  EXPECT_EQ(SurfaceJson(report)["groups"][0]["clients"].size(), 357u);
  EXPECT_THAT(SurfacePage(report, "mx"), HasSubstr("10.0.77.0/24"));
}

TEST(SurfaceFormatsTest, WideDomainsComeFirst) {
  SurfaceReport report;
  for (int i = 0; i < 5000; ++i) {
    report.domains.push_back({absl::StrCat("d", i, ".example"), "rcpthosts:9"});
  }
  report.domains.push_back({".com", "rcpthosts:5001"});
  report.wide_domains = {report.domains.back()};
  const std::string text = SurfaceText(report);
  EXPECT_THAT(text, HasSubstr("every client:\n  .com "));
  EXPECT_THAT(text, HasSubstr("d18.example"));
  EXPECT_THAT(text, Not(HasSubstr("d19.example")));
  EXPECT_THAT(text, HasSubstr("and 4981 more"));
  EXPECT_THAT(SurfacePage(report, "mx"), HasSubstr("and 4001 more"));
}

// Returns `report` with `text` in each of its texts.
SurfaceReport Hostile(absl::string_view text) {
  const std::string evil(text);
  SurfaceReport report = Report();
  for (SurfaceGroup& group : report.groups) {
    group.detail = evil;
    for (SurfaceClients& clients : group.clients) {
      clients.name = evil;
      clients.source = evil;
      clients.prefixes = {{evil, {evil}}};
    }
  }
  for (const Kind kind : {Kind::kIdent, Kind::kName, Kind::kSuffix}) {
    report.groups[0].clients.push_back(Named(kind, evil, evil));
  }
  report.domains = report.wide_domains = {{evil, evil}};
  report.claimants[0].peers = evil;
  report.claimants[0].source = evil;
  report.outside[0].by = evil;
  report.unreached = {{"rule", {evil, evil, evil}}};
  report.notes = {evil};
  report.summary = evil;
  return report;
}

TEST(SurfaceFormatsTest, ThePageEscapesEachText) {
  const std::string clean = SurfacePage(Report(), "mx");
  for (const absl::string_view text :
       {"<script>alert(1)</script>", "<b onclick='x'>", "a\"b'c",
        "</table><iframe>", "&lt;script&gt;", "<!--"}) {
    const std::string page = SurfacePage(Hostile(text), text);
    // No element, entity or comment is added: only texts differ.
    EXPECT_THAT(page, Not(HasSubstr(text))) << text;
    EXPECT_THAT(page, Not(HasSubstr("<script")));
    EXPECT_THAT(page, Not(HasSubstr("<iframe")));
    EXPECT_THAT(page, Not(HasSubstr("<b ")));
  }
  EXPECT_THAT(clean, Not(HasSubstr("<script")));
  EXPECT_THAT(clean, Not(HasSubstr("http")));
  EXPECT_THAT(clean, Not(HasSubstr("src=")));
  EXPECT_THAT(clean, Not(HasSubstr("url(")));
}

TEST(SurfaceFormatsTest, ThePageBeginsWithASentence) {
  SurfaceReport report;
  report.summary = "may relay: nothing";
  EXPECT_THAT(SurfacePage(report, "mx"),
              HasSubstr("<p>May relay: nothing.</p>"));
}

TEST(SurfaceFormatsTest, NoFormHasControlCharacters) {
  SurfaceReport report = Hostile("a\x1b[31m\r\n\x7f\xff");
  report.summary = "visible";  // the report has made it so
  for (const std::string& text :
       {SurfaceText(report), SurfacePage(report, "\x1b")}) {
    for (const char c : text) {
      EXPECT_TRUE(c == '\n' || (c >= ' ' && c <= '~')) << int{c};
    }
    EXPECT_THAT(text, HasSubstr("a\\x1b[31m\\x0d\\x0a\\x7f\\xff"));
  }
}

}  // namespace
}  // namespace postern::programs
