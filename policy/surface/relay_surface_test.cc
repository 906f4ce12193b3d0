// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/surface/relay_surface.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "engine/grammar/ip_address.h"
#include "files/test_directory.h"
#include "gtest/gtest.h"
#include "net/own_addresses.h"
#include "policy/check_list.h"
#include "policy/rules/tcp_rules.h"
#include "policy/rules/tcp_rules_text.h"

namespace postern::policy {
namespace {

using testing::Test;

// This host has 127.0.0.1.
class LoopbackAddress : public net::OwnAddresses {
 public:
  absl::StatusOr<bool> Contains(const IpAddress& address) const override {
    return address == IpAddress::V4({127, 0, 0, 1});
  }
};

class RelaySurfaceTest : public Test {
 protected:
  RelaySurfaceTest() {
    directory_.Write("me", "mx.example.org\n");
    directory_.Write("rcpthosts", "example.org\n.example.org\n");
  }

  // Makes the surface for the text of the rules.
  Surface Make(const std::string& rules, SurfaceInput input = {}) {
    directory_.Write("tcp.smtp", rules);
    const auto text = ParseTcpRules(directory_.File("tcp.smtp"), rules,
                                    TcpNetworks::kLiteral);
    EXPECT_TRUE(text.ok()) << text.status();
    files::TestDirectory::Records records;
    for (const TcpRule& rule : text->rules) {
      records.emplace_back(rule.key, rule.record);
    }
    directory_.WriteCdb("tcp.smtp.cdb", records);
    return MakeFromFiles(std::move(input));
  }

  Surface MakeFromFiles(SurfaceInput input) {
    auto opened = TcpRules::Open(directory_.File("tcp.smtp.cdb"));
    EXPECT_TRUE(opened.ok()) << opened.status();
    rules_ = std::make_unique<TcpRules>(*std::move(opened));
    input.rules = rules_.get();
    input.source = RuleSource::Read(*rules_);
    input.controls.directory = directory_.path();
    input.own_addresses = std::make_shared<LoopbackAddress>();
    auto surface = MakeSurface(input);
    EXPECT_TRUE(surface.ok()) << surface.status();
    return surface.ok() ? *std::move(surface) : Surface();
  }

  static const ClientClass* Find(const Surface& surface, ClientClass::Kind kind,
                                 absl::string_view key) {
    for (const ClientClass& client : surface.clients) {
      if (client.kind == kind && client.key == key) return &client;
    }
    return nullptr;
  }

  // Returns the addresses of a class, such as "192.0.2.0-192.0.2.6".
  static std::string Ranges(const Surface& surface, const ClientClass& client) {
    std::vector<std::string> texts;
    for (const AddressRange& range : surface.addresses[*client.addresses].v4) {
      texts.push_back(
          absl::StrCat(range.first.ToString(), "-", range.last.ToString()));
    }
    return absl::StrJoin(texts, " ");
  }

  static size_t Recipient(const Surface& surface, RecipientClass::Kind kind) {
    const auto& classes = surface.recipients[0].classes;
    for (size_t i = 0; i < classes.size(); ++i) {
      if (classes[i].kind == kind) return i;
    }
    ADD_FAILURE() << "no such class";
    return 0;
  }

  std::string File(absl::string_view name) const {
    return directory_.File(name);
  }

  files::TestDirectory directory_;
  std::unique_ptr<TcpRules> rules_;
};

using Kind = ClientClass::Kind;

TEST_F(RelaySurfaceTest, AddressesAreCutAtLongerKeys) {
  const Surface surface = Make(
      "192.0.2.7:deny\n192.0.2.:allow,RELAYCLIENT=\"\"\n"
      "192.0.:deny\n:allow\n");
  const ClientClass* const prefix = Find(surface, Kind::kPrefix, "192.0.2.");
  ASSERT_NE(prefix, nullptr);
  EXPECT_EQ(Ranges(surface, *prefix),
            "192.0.2.0-192.0.2.6 192.0.2.8-192.0.2.255");
  EXPECT_EQ(prefix->source, File("tcp.smtp") + ":2");
  EXPECT_EQ(Ranges(surface, *Find(surface, Kind::kAddress, "192.0.2.7")),
            "192.0.2.7-192.0.2.7");
  EXPECT_EQ(Ranges(surface, *Find(surface, Kind::kPrefix, "192.0.")),
            "192.0.0.0-192.0.1.255 192.0.3.0-192.0.255.255");
  EXPECT_EQ(Ranges(surface, *Find(surface, Kind::kAny, "")),
            "0.0.0.0-191.255.255.255 192.1.0.0-255.255.255.255");
  EXPECT_TRUE(surface.Relays(prefix->profile, false));
  EXPECT_FALSE(surface.Relays(Find(surface, Kind::kAny, "")->profile, false));
  EXPECT_TRUE(surface.unreached_rules.empty());
}

TEST_F(RelaySurfaceTest, ClientsWithEqualFactsShareAProfile) {
  const Surface surface = Make(
      "192.0.2.1:allow,RELAYCLIENT=\"\",OTHER=\"1\"\n"
      "192.0.2.2:allow,RELAYCLIENT=\"\",OTHER=\"2\"\n:allow\n");
  EXPECT_EQ(surface.profiles.size(), 2);
}

TEST_F(RelaySurfaceTest, PrefixesOfIpv6AreTexts) {
  const Surface surface =
      Make("2001:db8::allow,RELAYCLIENT=\"\"\n2001:db8::1:deny\n:allow\n");
  // The line's address is "2001:db8:", because its last colon is followed by
  // "allow"; the second one's is a whole address.
  const ClientClass* const prefix = Find(surface, Kind::kPrefix, "2001:db8:");
  ASSERT_NE(prefix, nullptr);
  const AddressSet& set = surface.addresses[*prefix->addresses];
  EXPECT_TRUE(set.v6);
  EXPECT_EQ(set.v6_except, std::vector<std::string>{"2001:db8::1"});
  ASSERT_TRUE(set.v6_network);
  EXPECT_EQ(set.v6_network->address.ToString(), "2001:db8::");
  EXPECT_EQ(set.v6_network->bits, 32);
}

TEST_F(RelaySurfaceTest, APrefixWithTwoColonsIsNoNetwork) {
  directory_.WriteCdb(
      "tcp.smtp.cdb",
      {{"2001:db8::", std::string("+RELAYCLIENT=\0", 14)}, {"", ""}});
  const Surface surface = MakeFromFiles({});
  // The text of an address, and a prefix of others.
  const ClientClass* const whole = Find(surface, Kind::kAddress, "2001:db8::");
  const ClientClass* const prefix = Find(surface, Kind::kPrefix, "2001:db8::");
  ASSERT_NE(whole, nullptr);
  ASSERT_NE(prefix, nullptr);
  EXPECT_FALSE(surface.addresses[*prefix->addresses].v6_network);
  EXPECT_EQ(surface.addresses[*whole->addresses].v6_network->bits, 128);
  EXPECT_EQ(prefix->source, File("tcp.smtp.cdb") + " key \"2001:db8::\"");
}

TEST_F(RelaySurfaceTest, NamesAreFoundBetweenAddressesAndPrefixes) {
  const std::string rules =
      "=a.example:allow,RELAYCLIENT=\"\"\n=.example:deny\n=:allow\n"
      "192.0.2.:allow\n:allow\n";
  const Surface surface = Make(rules, {.host_names = true});
  for (const auto& [kind, key] : {std::pair(Kind::kName, "=a.example"),
                                  std::pair(Kind::kSuffix, "=.example"),
                                  std::pair(Kind::kAnyName, "=")}) {
    const ClientClass* const found = Find(surface, kind, key);
    ASSERT_NE(found, nullptr) << key;
    EXPECT_TRUE(found->TrustsNames());
    EXPECT_FALSE(found->claimed);
    EXPECT_EQ(found->witnesses.size(), 1);
  }
  // A prefix has clients with and without a name, the empty key only without.
  EXPECT_EQ(Find(surface, Kind::kPrefix, "192.0.2.")->witnesses.size(), 3);
  EXPECT_EQ(Find(surface, Kind::kAny, "")->witnesses.size(), 2);

  const Surface without = Make(rules);
  EXPECT_EQ(Find(without, Kind::kName, "=a.example"), nullptr);
  ASSERT_EQ(without.unreached_rules.size(), 3);
  EXPECT_EQ(without.unreached_rules[0].why, "host names are not looked up");

  // A proxy may name a host even if DNS is not asked.
  const Surface claimed = Make(rules, {.claimants = {{.names = true}}});
  ASSERT_NE(Find(claimed, Kind::kName, "=a.example"), nullptr);
  EXPECT_TRUE(Find(claimed, Kind::kName, "=a.example")->claimed);
}

TEST_F(RelaySurfaceTest, IdentNamesCountOnlyIfTheyAreAsked) {
  const std::string rules = "joe@192.0.2.1:allow,RELAYCLIENT=\"\"\n:allow\n";
  EXPECT_EQ(Make(rules).unreached_rules[0].why,
            "clients are not asked for ident names");
  const Surface surface = Make(rules, {.ident = true});
  const ClientClass* const found =
      Find(surface, Kind::kIdentAddress, "joe@192.0.2.1");
  ASSERT_NE(found, nullptr);
  EXPECT_TRUE(found->TrustsIdent());
  EXPECT_EQ(found->witnesses[0].ident, "joe");
}

TEST_F(RelaySurfaceTest, RulesThatNoClientReachesAreNamed) {
  std::string rules = "10.1.2.:allow,RELAYCLIENT=\"\"\n";
  for (int i = 0; i < 256; ++i)
    absl::StrAppend(&rules, "10.1.2.", i, ":deny\n");
  absl::StrAppend(&rules, "192.0.2:deny\n:allow\n");
  const Surface surface = Make(rules);
  ASSERT_EQ(surface.unreached_rules.size(), 2);
  EXPECT_EQ(surface.unreached_rules[0].entry, "10.1.2.");
  EXPECT_EQ(surface.unreached_rules[0].why,
            "all its addresses have longer keys");
  EXPECT_EQ(surface.unreached_rules[0].source, File("tcp.smtp") + ":1");
  EXPECT_EQ(surface.unreached_rules[1].why, "no client can have this address");
}

TEST_F(RelaySurfaceTest, AnIpv6PrefixIsCoveredOnlyByAllItsAddresses) {
  files::TestDirectory::Records records = {
      {"1:2:3:4:5:6:7:", std::string("+RELAYCLIENT=\0", 14)}};
  for (int i = 0; i <= 0xffff; ++i) {
    records.emplace_back(i == 0 ? "1:2:3:4:5:6:7::"
                                : absl::StrCat("1:2:3:4:5:6:7:", absl::Hex(i)),
                         std::string("D\0", 2));
  }
  directory_.WriteCdb("tcp.smtp.cdb", records);
  const Surface covered = MakeFromFiles({});
  ASSERT_EQ(covered.unreached_rules.size(), 1);
  EXPECT_EQ(covered.unreached_rules[0].entry, "1:2:3:4:5:6:7:");
  records.erase(records.begin() + 77);
  directory_.WriteCdb("tcp.smtp.cdb", records);
  const Surface open = MakeFromFiles({});
  EXPECT_TRUE(open.unreached_rules.empty());
  EXPECT_EQ(Find(open, Kind::kPrefix, "1:2:3:4:5:6:7:")
                ->witnesses[0]
                .address->ToString(),
            "1:2:3:4:5:6:7:4c");
}

TEST_F(RelaySurfaceTest, AnInvalidRuleIsAnOutageOfItsClients) {
  directory_.WriteCdb("tcp.smtp.cdb",
                      {{"192.0.2.1", "damaged"},
                       {"192.0.2.2", std::string("+RELAYCLIENT=@\0", 15)}});
  const Surface surface = MakeFromFiles({.users = true});
  for (absl::string_view key : {"192.0.2.1", "192.0.2.2"}) {
    const ClientClass* const client = Find(surface, Kind::kAddress, key);
    ASSERT_NE(client, nullptr);
    EXPECT_NE(surface.profiles[client->profile].outage, "");
    EXPECT_FALSE(surface.Relays(client->profile, true));
    const SurfaceVerdict verdict = surface.Find({.profile = client->profile});
    EXPECT_EQ(verdict.code, 421);
    EXPECT_FALSE(verdict.accepted);
  }
}

TEST_F(RelaySurfaceTest, ATextThatWasNotCompiledIsNamed) {
  Make("192.0.2.1:allow,RELAYCLIENT=\"\"\n:allow\n");
  directory_.Write("tcp.smtp", "# new\n192.0.2.1:deny\n:allow\n");
  const Surface surface = MakeFromFiles({});
  ASSERT_EQ(surface.notes.size(), 1);
  EXPECT_EQ(surface.notes[0],
            absl::StrCat(File("tcp.smtp.cdb"), " was not made from ",
                         File("tcp.smtp"),
                         " as it is now. Servers use the database."));
  EXPECT_EQ(Find(surface, Kind::kAddress, "192.0.2.1")->source,
            File("tcp.smtp.cdb") + " key \"192.0.2.1\"");
  EXPECT_EQ(Find(surface, Kind::kAny, "")->source, File("tcp.smtp") + ":3");
}

TEST_F(RelaySurfaceTest, EachEntryOfTheListsIsAClass) {
  directory_.WriteCdb("morercpthosts.cdb",
                      {{"b.example", ""}, {"x.example.org", ""}});
  const Surface surface = Make(":allow\n");
  std::vector<std::string> entries;
  for (const RecipientClass& to : surface.recipients[0].classes) {
    if (to.entry.empty()) continue;
    EXPECT_TRUE(to.local);
    EXPECT_TRUE(to.possible);
    entries.push_back(absl::StrCat(to.entry, " from ", to.source));
  }
  EXPECT_EQ(absl::StrJoin(entries, ", "),
            absl::StrCat("example.org from ", File("rcpthosts"),
                         ":1, .example.org from ", File("rcpthosts"),
                         ":2, b.example from ", File("morercpthosts.cdb"),
                         " key b.example"));
  ASSERT_EQ(surface.unreached_recipients.size(), 1);
  EXPECT_EQ(surface.unreached_recipients[0].entry, "x.example.org");
  EXPECT_EQ(surface.unreached_recipients[0].why,
            absl::StrCat("all its domains match ", File("rcpthosts"), ":2"));
  const size_t unlisted = Recipient(surface, RecipientClass::Kind::kUnlisted);
  EXPECT_FALSE(surface.Reaches(0, false, unlisted));
}

TEST_F(RelaySurfaceTest, UsersAndOpenRelaysReachOtherDomains) {
  const Surface users = Make(":allow\n", {.users = true});
  EXPECT_TRUE(users.Relays(0, true));
  EXPECT_FALSE(users.Relays(0, false));
  // Submission alone.
  const Surface submission =
      Make(":allow\n", {.anonymous = false, .users = true});
  EXPECT_FALSE(submission.Possible(false));
  EXPECT_FALSE(submission.Reaches(
      0, false, Recipient(submission, RecipientClass::Kind::kLine)));

  directory_.Remove("rcpthosts");
  SurfaceInput input;
  input.controls.open_relay = true;
  const Surface open = Make(":allow\n", std::move(input));
  EXPECT_TRUE(open.open_relay);
  EXPECT_TRUE(open.Relays(0, false));
}

TEST_F(RelaySurfaceTest, AnAppendedDomainMakesAnotherPartition) {
  directory_.Write("rcpthosts", "fix\nb.fix\n");
  const Surface surface = Make(
      "192.0.2.1:allow,RELAYCLIENT=\"@fix\"\n"
      "192.0.2.2:allow,RELAYCLIENT=\".fix\"\n:allow\n");
  ASSERT_EQ(surface.recipients.size(), 3);
  const size_t at = Find(surface, Kind::kAddress, "192.0.2.1")->profile;
  const size_t dot = Find(surface, Kind::kAddress, "192.0.2.2")->profile;
  // All mail goes to the listed domain fix.
  EXPECT_FALSE(surface.Relays(at, false));
  // Only b becomes a listed domain, b.fix.
  EXPECT_TRUE(surface.Relays(dot, false));
  const auto& classes =
      surface.recipients[surface.profiles[dot].recipients].classes;
  int lines = 0;
  for (const RecipientClass& to : classes) {
    if (to.kind != RecipientClass::Kind::kLine) continue;
    ++lines;
    EXPECT_EQ(to.witness.domain, "b");
    EXPECT_EQ(to.envelope.domain, "b.fix");
  }
  EXPECT_EQ(lines, 1);
}

TEST_F(RelaySurfaceTest, ListedSendersAreRefused) {
  directory_.Write("badmailfrom", "@bad.example\nworse@x.example\n");
  const Surface surface = Make(":allow\n");
  const size_t line = Recipient(surface, RecipientClass::Kind::kLine);
  int listed = 0;
  for (size_t i = 0; i < surface.senders.size(); ++i) {
    const SurfaceVerdict verdict =
        surface.Find({.sender = i, .recipient = line});
    const bool is_listed =
        surface.senders[i].kind == SenderClass::Kind::kListed;
    const bool control = surface.senders[i].kind == SenderClass::Kind::kControl;
    EXPECT_EQ(verdict.accepted, !is_listed && !control);
    if (!is_listed) continue;
    EXPECT_EQ(verdict.source, absl::StrCat(File("badmailfrom"), ":", ++listed));
  }
  EXPECT_EQ(listed, 2);
}

TEST_F(RelaySurfaceTest, PatternsDoNotHideASender) {
  directory_.Write("badmailfrompatterns", ".\n");
  const Surface surface = Make(":allow\n");
  EXPECT_TRUE(surface.Reaches(0, false,
                              Recipient(surface, RecipientClass::Kind::kLine)));
  ASSERT_FALSE(surface.outside.empty());
  EXPECT_EQ(surface.outside[0].by, "badmailfrompatterns, badmailfromnorelay");
}

TEST_F(RelaySurfaceTest, ChecksOutsideAreNamedIfTheyAreInUse) {
  SurfaceInput input;
  input.check_options = {"policy-server"};
  const Surface surface = Make(
      "192.0.2.1:allow,RCPTCHECK=\"/bin/check\"\n:allow\n", std::move(input));
  std::vector<std::string> names;
  for (const OutsideCheck& check : surface.outside) {
    EXPECT_FALSE(check.accepts);
    if (!check.by.empty()) {
      names.push_back(absl::StrCat(check.rule, " by ", check.by));
    }
  }
  EXPECT_EQ(absl::StrJoin(names, ", "),
            "rcptcheck by the variable RCPTCHECK, policy-server by "
            "--policy-server");
}

TEST_F(RelaySurfaceTest, ARuleWithSeveralRowsIsNamedOnceWithItsOption) {
  const auto named = [this](SurfaceInput input) {
    std::vector<std::string> names;
    for (const OutsideCheck& check :
         Make(":allow\n", std::move(input)).outside) {
      if (check.rule == "policy-server" || check.rule == "senders") {
        names.push_back(absl::StrCat(check.rule, " by ", check.by));
      }
    }
    return absl::StrJoin(names, ", ");
  };
  EXPECT_EQ(named({}), "");
  SurfaceInput input;
  input.controls.senders = true;
  input.check_options = {"policy-server"};
  EXPECT_EQ(named(std::move(input)),
            "senders by --senders, policy-server by --policy-server");
}

// The surface asks no check that needs more than its classes, and it is an
// upper bound, because a check outside cannot accept.
TEST(CheckListTest, ChecksOutsideOnlyRefuse) {
  for (const CheckEntry& entry : CheckList()) {
    const CheckRow& row = entry.row;
    EXPECT_FALSE(row.outside && row.accepts) << std::string(row.rule);
    const bool needs_more = !row.option.empty() || row.dns || row.runs_program;
    EXPECT_TRUE(row.outside || !needs_more)
        << std::string(row.rule) << " depends on more than the surface's "
        << "classes: set CheckRow::outside";
  }
}

}  // namespace
}  // namespace postern::policy
