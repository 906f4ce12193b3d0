// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/check/surface_report.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "engine/grammar/ip_address.h"
#include "engine/session_info.h"
#include "files/cdb_writer.h"
#include "files/test_directory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "net/address_set.h"
#include "net/network_list.h"
#include "net/own_addresses.h"
#include "nlohmann/json.hpp"
#include "policy/rules/tcp_rule_key.h"
#include "policy/rules/tcp_rules.h"
#include "policy/rules/tcp_rules_text.h"
#include "policy/surface/relay_surface.h"
#include "programs/check/grants.h"
#include "programs/check/surface_formats.h"
#include "programs/check/surface_grants.h"

namespace postern::programs {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Json = nlohmann::ordered_json;

class NoAddresses : public net::OwnAddresses {
 public:
  absl::StatusOr<bool> Contains(const IpAddress&) const override {
    return false;
  }
};

class SurfaceReportTest : public ::testing::Test {
 protected:
  SurfaceReportTest() {
    directory_.Write("me", "mx.example\n");
    directory_.Write("rcpthosts", "local.example\n.sub.example\n");
    input_.controls.directory = directory_.path();
    input_.own_addresses = std::make_shared<NoAddresses>();
    input_.host_names = true;
  }

  // Compiles the rules that the surface reads.
  void SetRules(const std::string& text) {
    const auto parsed = policy::ParseTcpRules("tcp.smtp", text);
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    std::vector<files::CdbRecord> records;
    for (const policy::TcpRule& rule : parsed->rules) {
      records.emplace_back(rule.key, rule.record);
    }
    const std::string path = absl::StrCat(directory_.path(), "/tcp.smtp.cdb");
    ASSERT_TRUE(files::ReplaceCdb(path, records).ok());
    auto rules = policy::TcpRules::Open(path);
    ASSERT_TRUE(rules.ok()) << rules.status();
    rules_.emplace(*std::move(rules));
    input_.rules = &*rules_;
    input_.source = policy::RuleSource::Compare(*rules_, "tcp.smtp", text);
  }

  policy::Surface Make() const {
    auto surface = policy::MakeSurface(input_);
    EXPECT_TRUE(surface.ok()) << surface.status();
    return *std::move(surface);
  }

  SurfaceReport Report() const {
    return MakeSurfaceReport(Make(), /*own_senders=*/false);
  }

  // What the rules themselves say about a client.
  std::string Expected(const SessionInfo& client) const {
    const auto match = rules_->Find(client);
    EXPECT_TRUE(match.ok()) << match.status();
    if (!match->allow) return "denied";
    for (const auto& [name, value] : match->variables) {
      if (name == "RELAYCLIENT") return value.empty() ? "relay" : "suffix";
    }
    return "local";
  }

  files::TestDirectory directory_;
  std::optional<policy::TcpRules> rules_;
  policy::SurfaceInput input_;
};

SessionInfo Client(absl::string_view address, absl::string_view name = "") {
  SessionInfo info;
  info.remote_address = IpAddress::Parse(address);
  info.remote_name = std::string(name);
  info.name_status = name.empty() ? NameStatus::kNone : NameStatus::kConfirmed;
  return info;
}

// Returns the place of a row in the order of the look-ups if the row contains
// the client: the kind, and for suffixes the longest first.
std::optional<std::pair<size_t, size_t>> Rank(const Json& row,
                                              const SessionInfo& client) {
  constexpr absl::string_view kKinds[] = {
      "ident", "address", "name", "network", "suffix", "any-name", "others"};
  const std::string kind = row["kind"];
  size_t rank = 0;
  while (rank < std::size(kKinds) && kKinds[rank] != kind) ++rank;
  if (rank == std::size(kKinds)) return std::nullopt;  // users
  const std::string& name = client.remote_name;
  const std::string mine = row.value("name", "");
  size_t more = 0;
  bool has = false;
  if (kind == "address" || kind == "network") {
    for (const Json& each : row["networks"]) {
      const auto set = net::AddressSet::Parse(each.get<std::string>());
      has = has || set->Contains(*client.remote_address);
    }
    const std::string text = policy::TcpRuleAddress(*client.remote_address);
    for (const Json& prefix : row.value("prefixes", Json::array())) {
      const std::string begin = prefix["prefix"];
      bool in = absl::StartsWith(text, begin) && text != begin;
      for (const Json& each : prefix["except"]) {
        const std::string except = each;
        in = in && text != except;
        if (absl::EndsWith(except, ":")) {
          in = in && !absl::StartsWith(text, except);
        }
      }
      has = has || in;
    }
  } else if (kind == "name") {
    has = name == mine;
  } else if (kind == "suffix") {
    has = absl::EndsWith(name, mine) && name.size() > mine.size();
    more = 255 - mine.size();
  } else if (kind == "any-name") {
    has = !name.empty();
  } else {
    has = kind == "others";
  }
  if (!has) return std::nullopt;
  return std::pair(rank, more);
}

// Returns the effect that the report states for a client.
std::string Stated(const Json& report, const SessionInfo& client) {
  std::optional<std::pair<size_t, size_t>> best;
  std::string effect = "none";
  for (const Json& group : report["groups"]) {
    for (const Json& row : group["clients"]) {
      if (row.value("claimed", false)) continue;
      const auto rank = Rank(row, client);
      if (!rank || (best && *best <= *rank)) continue;
      best = rank;
      effect = group["effect"];
    }
  }
  return effect;
}

bool Covers(const std::vector<Grant>& grants, const SessionInfo& client) {
  const std::string& name = client.remote_name;
  for (const Grant& grant : grants) {
    switch (grant.kind) {
      case Grant::Kind::kEveryone:
        return true;
      case Grant::Kind::kAddress:
        if (grant.addresses.Contains(*client.remote_address)) return true;
        break;
      case Grant::Kind::kNames:
        if (!name.empty()) return true;
        break;
      case Grant::Kind::kName:
        if (name == grant.text) return true;
        if (absl::StartsWith(grant.text, ".") &&
            absl::EndsWith(name, grant.text)) {
          return true;
        }
        break;
      default:
        break;
    }
  }
  return false;
}

// The report states for each client what the rules say: over generated rules,
// with prefixes that are no networks, and with ranges.
TEST_F(SurfaceReportTest, AgreesWithTheRules) {
  const std::vector<std::string> keys = {"192.0.2.1",
                                         "192.0.2.2",
                                         "192.0.2.1-3",
                                         "192.0.2.",
                                         "192.0.",
                                         "192.0-1.",
                                         "192.",
                                         "10.0.0.0",
                                         "255.255.255.255",
                                         "2001:db8::1",
                                         "2001:db8::",
                                         "2001:db8:",
                                         "2001:db8:0:",
                                         "2001:",
                                         "::",
                                         "::1",
                                         "2001:db8::1:",
                                         "=a.x.example",
                                         "=.x.example",
                                         "=.example",
                                         "=",
                                         ""};
  const std::vector<std::string> instructions = {
      ":allow", ":deny", ":allow,RELAYCLIENT=\"\"",
      ":allow,RELAYCLIENT=\"@fix.me\"", ":allow,COLOUR=\"red\""};
  std::vector<SessionInfo> clients;
  for (const absl::string_view address : {"0.0.0.0",
                                          "10.0.0.0",
                                          "10.0.0.1",
                                          "192.0.1.255",
                                          "192.0.2.0",
                                          "192.0.2.1",
                                          "192.0.2.2",
                                          "192.0.2.3",
                                          "192.0.2.4",
                                          "192.1.0.0",
                                          "192.2.0.0",
                                          "193.0.0.0",
                                          "255.255.255.255",
                                          "::",
                                          "::1",
                                          "::2",
                                          "2001:db8::",
                                          "2001:db8::1",
                                          "2001:db8::12",
                                          "2001:db8::1:2",
                                          "2001:db8:0:1:2:3:4:5",
                                          "2001:db8:1::",
                                          "2001:db9::",
                                          "2001:0:0:1::",
                                          "fe80::1"}) {
    for (const absl::string_view name :
         {"", "a.x.example", "b.x.example", "x.example", "other.test"}) {
      clients.push_back(Client(address, name));
    }
  }
  std::mt19937 random(8);  // NOLINT: the same rules in each run
  size_t relays = 0;
  for (int round = 0; round < 100; ++round) {
    std::string text;
    for (size_t lines = 1 + random() % 8; lines > 0; --lines) {
      absl::StrAppend(&text, keys[random() % keys.size()],
                      instructions[random() % instructions.size()], "\n");
    }
    ASSERT_NO_FATAL_FAILURE(SetRules(text));
    const policy::Surface surface = Make();
    const Json report =
        SurfaceJson(MakeSurfaceReport(surface, /*own_senders=*/false));
    const std::vector<Grant> grants = GrantsOf(surface);
    for (const SessionInfo& client : clients) {
      const std::string expected = Expected(client);
      ASSERT_EQ(Stated(report, client), expected)
          << client.remote_address->ToString() << " " << client.remote_name
          << "\n"
          << text << report.dump(1);
      if (expected != "relay" && expected != "suffix") continue;
      ++relays;
      ASSERT_TRUE(Covers(grants, client)) << client.remote_address->ToString()
                                          << " " << client.remote_name << "\n"
                                          << text << FormatGrants(grants);
    }
    const auto written = ParseGrants("written", FormatGrants(grants));
    ASSERT_TRUE(written.ok()) << written.status();
    EXPECT_THAT(CompareGrants(grants, "written", *written).growth, IsEmpty());
  }
  EXPECT_GT(relays, 500u);
}

TEST_F(SurfaceReportTest, StrangersAreAnOpenRelay) {
  struct {
    const char* rules;
    std::vector<std::string> found;  // their beginnings
  } const kRows[] = {
      {"10.:allow,RELAYCLIENT=\"\"\n172.16-31.:allow,RELAYCLIENT=\"\"\n"
       "=.example.org:allow,RELAYCLIENT=\"\"\n:allow\n",
       {}},
      {":allow,RELAYCLIENT=\"\"\n",
       {"tcp.smtp:1: every client without another"}},
      {"10.:allow\n=:allow,RELAYCLIENT=\"\"\n:allow\n",
       {"tcp.smtp:2: every client with a host name may"}},
      {"=.com:allow,RELAYCLIENT=\"\"\n:allow\n",
       {"tcp.smtp:1: every client with a host name below .com"}},
      {"1-14.:allow,RELAYCLIENT=\"\"\n:allow\n", {}},
      {"1-99.:allow,RELAYCLIENT=\"\"\n:allow\n",
       {"tcp.smtp:1: at least a sixteenth of all IPv4"}},
      {"0-255.:allow,RELAYCLIENT=\"@fix.me\"\n:allow\n", {}},
  };
  for (const auto& row : kRows) {
    SetRules(row.rules);
    const std::vector<OpenRelay> found = OpenRelays(Report());
    ASSERT_EQ(found.size(), row.found.size()) << row.rules;
    for (size_t i = 0; i < found.size(); ++i) {
      EXPECT_THAT(absl::StrCat(found[i].source, ": ", found[i].what),
                  testing::StartsWith(row.found[i]));
    }
  }
  // Users are no strangers, and --open-relay says it.
  SetRules(":allow,RELAYCLIENT=\"\"\n");
  input_.users = true;
  SurfaceReport report = Report();
  EXPECT_EQ(OpenRelays(report).size(), 1u);
  report.must_authenticate = true;
  EXPECT_THAT(OpenRelays(report), IsEmpty());
  report.must_authenticate = false;
  input_.controls.open_relay = true;
  SetRules(":allow\n");
  EXPECT_THAT(OpenRelays(Report()), IsEmpty());
}

TEST_F(SurfaceReportTest, SummarizesWhoMaySendWhere) {
  SetRules(
      "203.0.113.0-15:allow,RELAYCLIENT=\"\"\n"
      "=.example.org:allow,RELAYCLIENT=\"\"\n"
      "198.51.100.:deny\n"
      ":allow\n");
  input_.users = true;
  EXPECT_EQ(Report().summary,
            "may relay: 203.0.113.0/28 by tcp.smtp:1; host names below "
            ".example.org by tcp.smtp:2 (trusts DNS); authenticated users; "
            "every other client: may send to 2 entries of rcpthosts, "
            "recipients without a domain");
  EXPECT_TRUE(Report().trusts_dns);
}

TEST_F(SurfaceReportTest, WithoutARightNoClientRelays) {
  SetRules(":allow\n");
  EXPECT_THAT(Report().summary,
              testing::StartsWith("no client may relay; every client: may "
                                  "send to 2 entries of rcpthosts"));
  EXPECT_FALSE(Report().trusts_dns);
  EXPECT_THAT(GrantsOf(Make()), testing::SizeIs(2));  // the two domains
}

TEST_F(SurfaceReportTest, NamesTheRuleThatGrew) {
  SetRules("203.0.113.0-15:allow,RELAYCLIENT=\"\"\n:allow\n");
  const auto declared = ParseGrants("grants", FormatGrants(GrantsOf(Make())));
  ASSERT_TRUE(declared.ok()) << declared.status();
  const auto growth = [&] {
    return CompareGrants(GrantsOf(Make()), "grants", *declared).growth;
  };
  EXPECT_THAT(growth(), IsEmpty());

  SetRules(
      "203.0.113.0-31:allow,RELAYCLIENT=\"\"\n"
      "=.example.org:allow,RELAYCLIENT=\"\"\n:allow\n");
  EXPECT_THAT(
      growth(),
      ElementsAre("203.0.113.16/28 may relay by tcp.smtp:1; grants does not "
                  "declare it",
                  "clients with a host name below .example.org may relay by "
                  "tcp.smtp:2; grants does not declare it"));

  SetRules(":allow,RELAYCLIENT=\"\"\n");
  EXPECT_THAT(growth(),
              ElementsAre("every client may relay by tcp.smtp:1; grants does "
                          "not declare it"));

  SetRules(":allow\n");
  input_.users = true;
  directory_.Write("rcpthosts", "local.example\n.sub.example\n.com\n");
  policy::Claimant claimant;
  claimant.network = *net::Network::Parse("10.0.0.0/8");
  claimant.peers = "10.0.0.0/8";
  claimant.source = "--xclient-from 10.0.0.0/8";
  claimant.names = true;
  input_.claimants = {claimant};
  EXPECT_THAT(
      growth(),
      ElementsAre(
          "10.0.0.0/8 may name any client address, host name and user by "
          "--xclient-from 10.0.0.0/8; grants does not declare it",
          "every user may relay by AUTH; grants does not declare it",
          absl::StrCat("recipients at .com get mail from every client by ",
                       directory_.path(),
                       "/rcpthosts:3; grants does not declare it")));
}

TEST_F(SurfaceReportTest, AnOpenRelayIsEveryone) {
  directory_.Remove("rcpthosts");
  input_.controls.open_relay = true;
  SetRules("192.0.2.:deny\n:allow\n");
  EXPECT_EQ(Report().summary,
            "no client may relay; every other client: may "
            "send to every domain");
  const std::vector<Grant> grants = GrantsOf(Make());
  ASSERT_THAT(grants, testing::SizeIs(1));
  EXPECT_EQ(grants[0].kind, Grant::Kind::kEveryone);
  EXPECT_EQ(grants[0].source, "--open-relay");
}

TEST_F(SurfaceReportTest, AUserIsNeededWhereAuthIs) {
  SetRules("192.0.2.:allow,RELAYCLIENT=\"\"\n:allow\n");
  input_.anonymous = false;
  input_.users = true;
  const policy::Surface surface = Make();
  const SurfaceReport report = MakeSurfaceReport(surface, /*own_senders=*/true);
  EXPECT_TRUE(report.must_authenticate);
  EXPECT_THAT(SurfaceText(report), HasSubstr("Every listener requires AUTH"));
  const std::vector<Grant> grants = GrantsOf(surface);
  EXPECT_EQ(grants[0].kind, Grant::Kind::kUsers);
}

TEST_F(SurfaceReportTest, AnAppendedDomainOfThisHostIsNoRelay) {
  SetRules(
      "192.0.2.1:allow,RELAYCLIENT=\"@local.example\"\n"
      "192.0.2.2:allow,RELAYCLIENT=\"@fix.me\"\n:allow\n");
  const SurfaceReport report = Report();
  EXPECT_THAT(SurfaceText(report),
              HasSubstr("to which @local.example is appended (a domain of this "
                        "host):\n  192.0.2.1 "));
  EXPECT_THAT(report.summary, HasSubstr("may relay: 192.0.2.2 by tcp.smtp:2"));
  EXPECT_THAT(FormatGrants(GrantsOf(Make())),
              HasSubstr("\naddress 192.0.2.2\ndomain "));
}

}  // namespace
}  // namespace postern::programs
