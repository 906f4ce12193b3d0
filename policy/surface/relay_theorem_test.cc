// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The theorem of the relay surface: each input is in exactly one class, and all
// inputs of one class get one verdict.
//
// The universe is small: IPv4 addresses with octets from 0 to 3, IPv6 addresses
// with groups 0 and 1, short names, domains of few labels. For generated
// configurations, the test finds the class of an input by its own membership
// test, and compares the verdict that the surface has for the class with the
// answers of the real rules and checks about the input itself.
//
// POSTERN_THEOREM_CONFIGURATIONS is the number of configurations, and
// POSTERN_THEOREM_SEED the first seed; a failure prints its own. In one of 100
// configurations all inputs are compared, in the others a sample.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "engine/ask.h"
#include "engine/delivery.h"
#include "engine/grammar/ip_address.h"
#include "engine/grammar/path.h"
#include "files/test_directory.h"
#include "gtest/gtest.h"
#include "net/own_addresses.h"
#include "policy/check_list.h"
#include "policy/checks.h"
#include "policy/control/controls.h"
#include "policy/rule_facts.h"
#include "policy/rules/tcp_rule_key.h"
#include "policy/rules/tcp_rules.h"
#include "policy/rules/tcp_rules_text.h"
#include "policy/surface/relay_surface.h"

namespace postern::policy {
namespace {

using Random = std::mt19937;
using Texts = std::vector<std::string>;

size_t Below(size_t bound, Random* random) { return (*random)() % bound; }
bool OneIn(size_t bound, Random* random) { return Below(bound, random) == 0; }
template <typename T>
const T& AnyOf(const std::vector<T>& values, Random* random) {
  return values[Below(values.size(), random)];
}

const Texts& Names() {
  static const Texts& names = *new Texts{
      "a",   "b",    "a.a", "a.b",  "b.a", "b.b",  "a.a.b", "b.a.b", "c.b",
      "A.b", "a.b.", ".b",  ".a.b", "b..", "a..b", ".",     "",      "c"};
  return names;
}

const Texts& Domains() {
  static const Texts& domains = *new Texts{"",
                                           "a",
                                           "b",
                                           "c",
                                           "a.b",
                                           "b.a",
                                           "a.a",
                                           "c.b",
                                           "a.a.b",
                                           "c.a.b",
                                           "A.b",
                                           "a.",
                                           "c.",
                                           ".b",
                                           ".a.b",
                                           "[127.0.0.1]",
                                           "[0.0.0.0]",
                                           "[1.2.3.4]",
                                           "[2.2.3.4]",
                                           "[1.2.2.4]",
                                           "[IPv6:::1]",
                                           "[IPv6:1::2]",
                                           "a@b",
                                           "x@",
                                           "@",
                                           "a\x01",
                                           "[127.0.0.1",
                                           "fix.b",
                                           "aa",
                                           "ab",
                                           "[127.000.0.1]",
                                           "ca",
                                           "a.b.b",
                                           "b.b"};
  return domains;
}

const Texts& Entries() {
  static const Texts& entries = *new Texts{
      "a",     "b",      ".a",      ".b",        "a.b",         ".a.b",
      "b.a",   ".b.a",   "a.a",     ".",         "a.",          "A.b",
      ".4]",   ".3.4]",  ".2.3.4]", "[1.2.3.4]", "[127.0.0.1]", "a@b",
      "fix.b", ".fix.b", "ab",      "aa",        "a.b.b",       "[IPv6:::1]"};
  return entries;
}

const Texts& LocalParts() {
  static const Texts& parts =
      *new Texts{"u", "v", "u@a", "u@a.b", "u@", "@", "u\n", "", "U"};
  return parts;
}

const Texts& Values() {
  static const Texts& values =
      *new Texts{"",  "",   "",      "@a", "@fix.b", ".b", "b",
                 ".", ".B", "x@a.b", "@c", "]",      "@",  "\x01"};
  return values;
}

const Texts& BadSenders() {
  static const Texts& senders =
      *new Texts{"u@a",        "@a", "@b",  "u",   "@A.b",  "u@[127.0.0.1]",
                 "@[1.2.3.4]", "@",  "v@a", "u@A", "user@a"};
  return senders;
}

std::vector<IpAddress> MakeAddresses() {
  std::vector<IpAddress> addresses;
  for (unsigned n = 0; n < 256; ++n) {
    IpAddress::Bytes groups = {};
    for (size_t i = 0; i < 8; ++i) groups[2 * i + 1] = n >> i & 1;
    addresses.push_back(IpAddress::V4(
        {static_cast<uint8_t>(n >> 6 & 3), static_cast<uint8_t>(n >> 4 & 3),
         static_cast<uint8_t>(n >> 2 & 3), static_cast<uint8_t>(n & 3)}));
    addresses.push_back(IpAddress(groups));
  }
  return addresses;
}

const std::vector<IpAddress>& Addresses() {
  static const auto& addresses = *new std::vector<IpAddress>(MakeAddresses());
  return addresses;
}

// This host has 127.0.0.1 and 0.0.0.0, or its addresses cannot be listed.
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

// A delivery that cannot send mail to other hosts.
class LocalDelivery : public Delivery {
 public:
  std::unique_ptr<MailTransaction> Begin(const Envelope&,
                                         const SharedSessionInfo&) override {
    return nullptr;
  }
};

struct Configuration {
  Texts rule_lines;
  Texts hosts;
  Texts database;  // morercpthosts.cdb
  Texts bad_senders;
  std::string localiphost;
  bool no_hosts = false;
  bool addresses_fail = false;
  bool local_delivery = false;
  bool damaged = false;  // a record of the rules
  SurfaceInput input;

  std::string Text() const {
    return absl::StrCat(
        "rules:\n", absl::StrJoin(rule_lines, "\n"),
        "\nrcpthosts: ", absl::StrJoin(hosts, " "),
        "\nmorercpthosts.cdb: ", absl::StrJoin(database, " "),
        "\nbadmailfrom: ", absl::StrJoin(bad_senders, " "),
        "\nlocaliphost: ", localiphost, "\nno rcpthosts: ", no_hosts,
        " own addresses fail: ", addresses_fail,
        " local delivery: ", local_delivery, " damaged: ", damaged,
        " names: ", input.host_names, " ident: ", input.ident,
        " claimed names: ", !input.claimants.empty(), "\n");
  }
};

// An address of the rules: a range, an address, a prefix, a name.
std::string MakeKey(Random* random) {
  const auto octet = [random] { return absl::StrCat(Below(4, random)); };
  switch (Below(12, random)) {
    case 0:
      return "";
    case 1:
      return "=";
    case 2:
      return absl::StrCat("=", AnyOf(Names(), random));
    case 3:
    case 4:
      return absl::StrCat("=.", AnyOf(Names(), random));
    case 5: {
      const IpAddress address = AnyOf(Addresses(), random);
      return absl::StrCat(OneIn(2, random) ? "joe" : "ann", "@",
                          OneIn(2, random)
                              ? absl::StrCat("=", AnyOf(Names(), random))
                              : TcpRuleAddress(address));
    }
    case 6: {  // a range
      std::string key = absl::StrCat(octet(), ".");
      if (OneIn(2, random)) absl::StrAppend(&key, octet(), ".");
      const size_t first = Below(4, random);
      absl::StrAppend(&key, first, "-", first + Below(3, random));
      return key + (std::count(key.begin(), key.end(), '.') == 3 ? "" : ".");
    }
    case 7:
      return absl::StrCat(octet(), ".", octet(), ".", octet(), ".", octet());
    default: {  // an address or a prefix
      std::string text = TcpRuleAddress(AnyOf(Addresses(), random));
      if (OneIn(3, random)) return text;
      std::vector<size_t> ends;
      for (size_t i = 0; i + 1 < text.size(); ++i) {
        if (text[i] == '.' || text[i] == ':') ends.push_back(i + 1);
      }
      return text.substr(0, AnyOf(ends, random));
    }
  }
}

Texts Some(const Texts& from, size_t most, Random* random) {
  Texts some;
  for (size_t n = Below(most + 1, random); n > 0; --n) {
    some.push_back(AnyOf(from, random));
  }
  return some;
}

Configuration MakeConfiguration(Random* random) {
  Configuration made;
  for (size_t n = Below(9, random); n > 0; --n) {
    std::string line = MakeKey(random);
    if (OneIn(5, random)) {
      line += ":deny";
    } else {
      line += ":allow";
      if (!OneIn(3, random)) {
        absl::StrAppend(&line, ",RELAYCLIENT=/", AnyOf(Values(), random), "/");
      }
      if (OneIn(6, random)) line += ",DISABLE_BADMAILFROM=//";
      if (OneIn(8, random)) line += ",RBLSMTPD=/-no/";
      if (OneIn(8, random)) line += ",OTHER=/x/";
    }
    made.rule_lines.push_back(std::move(line));
  }
  made.hosts = Some(Entries(), 5, random);
  made.database = Some(Entries(), 5, random);
  made.bad_senders = Some(BadSenders(), 3, random);
  made.localiphost = AnyOf(Texts{"a", "b.a", "c", "no name!"}, random);
  made.no_hosts = OneIn(12, random);
  made.addresses_fail = OneIn(10, random);
  made.local_delivery = OneIn(3, random);
  made.damaged = OneIn(15, random);
  made.input.controls.open_relay = made.no_hosts;
  made.input.host_names = OneIn(2, random);
  made.input.no_address = OneIn(3, random);
  made.input.users = OneIn(2, random);
  made.input.anonymous = !made.input.users || !OneIn(4, random);
  if (OneIn(4, random)) {
    made.input.claimants.push_back({.peers = "p", .names = true});
  } else {
    made.input.ident = OneIn(4, random);
  }
  return made;
}

// The answer to an input.
struct Answer {
  bool accepted = false;
  CheckStage stage = CheckStage::kRcpt;
  int code = 250;
  std::string rule;
  std::string source;
  std::string to;  // in the envelope, if accepted
  bool local = false;

  friend bool operator==(const Answer&, const Answer&) = default;
  std::string Text() const {
    return absl::StrCat(accepted ? "accepts" : "refuses", " at ",
                        StageName(stage), " ", code, " ", rule, " from ",
                        source, " to ", absl::CHexEscape(to),
                        local ? " (local)" : "");
  }
};

// One configuration, its surface, and the real rules and checks.
class World {
 public:
  explicit World(Configuration* configuration) : config_(*configuration) {
    std::string text = absl::StrJoin(config_.rule_lines, "\n");
    text += "\n";
    directory_.Write("tcp.smtp", text);
    files::TestDirectory::Records records;
    const auto parsed = ParseTcpRules("tcp.smtp", text, TcpNetworks::kLiteral);
    // A text with a value that contains a NUL, or a key with a colon at a bad
    // place, is no rule; then there are no rules.
    if (parsed.ok()) {
      for (const TcpRule& rule : parsed->rules) {
        records.emplace_back(rule.key, rule.record);
      }
    }
    if (config_.damaged && !records.empty()) records[0].second = "damaged";
    directory_.WriteCdb("tcp.smtp.cdb", records);
    directory_.Write("me", "mx.c\n");
    directory_.Write("localiphost", config_.localiphost + "\n");
    if (!config_.no_hosts) {
      directory_.Write("rcpthosts", absl::StrJoin(config_.hosts, "\n") + "\n");
    }
    directory_.Write("badmailfrom",
                     absl::StrJoin(config_.bad_senders, "\n") + "\n");
    files::TestDirectory::Records keys;
    for (const std::string& key : config_.database) keys.emplace_back(key, "");
    directory_.WriteCdb("morercpthosts.cdb", keys);

    rules_ = std::make_unique<TcpRules>(
        *TcpRules::Open(directory_.File("tcp.smtp.cdb")));
    SurfaceInput& input = config_.input;
    input.rules = rules_.get();
    input.source = RuleSource::Read(*rules_);
    input.controls.directory = directory_.path();
    input.own_addresses =
        std::make_shared<FakeAddresses>(config_.addresses_fail);
    if (config_.local_delivery) {
      input.delivery = std::make_shared<LocalDelivery>();
    }
    absl::StatusOr<Surface> surface = MakeSurface(input);
    EXPECT_TRUE(surface.ok()) << surface.status();
    if (surface.ok()) surface_ = *std::move(surface);
    controls_ = std::make_shared<const Controls>(*ReadControls(input.controls));
    checks_ = *Checks::Make({.controls = controls_,
                             .own_addresses = input.own_addresses,
                             .delivery = input.delivery});
    for (const ClientClass& client : surface_.clients) {
      if (client.TrustsIdent()) has_ident_ = true;
    }
  }

  const Surface& surface() const { return surface_; }
  const SurfaceInput& input() const { return config_.input; }

  // Returns whether the server can have such a client.
  bool Possible(const SessionInfo& client) const {
    const SurfaceInput& input = config_.input;
    const bool named = input.host_names || !input.claimants.empty();
    const bool dotted = absl::StartsWith(client.remote_name, ".") ||
                        absl::EndsWith(client.remote_name, "..");
    if (dotted && input.claimants.empty()) return false;
    return (client.remote_address || input.no_address) &&
           (!client.remote_info || (input.ident && client.remote_address)) &&
           (client.name_status == NameStatus::kNone ||
            (named && client.remote_address));
  }

  // Returns the indexes of the classes that contain the client.
  std::vector<size_t> ClassesOf(const SessionInfo& client) const {
    std::vector<size_t> found;
    for (size_t i = 0; i < surface_.clients.size(); ++i) {
      if (Contains(surface_.clients[i], client)) found.push_back(i);
    }
    return found;
  }

  // Checks the class of a client, and returns its profile. Sets what the rules
  // grant in `client`.
  std::optional<size_t> CheckClient(SessionInfo* client) const {
    const std::vector<size_t> classes = ClassesOf(*client);
    if (classes.size() != 1) {
      ADD_FAILURE() << classes.size() << " classes contain "
                    << ClientText(*client);
      return std::nullopt;
    }
    const ClientClass& found = surface_.clients[classes[0]];
    const Profile& profile = surface_.profiles[found.profile];
    const auto match = rules_->Find(*client);
    absl::StatusOr<RuleFacts> facts =
        match.ok() ? ReadRuleFacts(*match, client->remote_address)
                   : match.status();
    if (match.ok()) {
      EXPECT_EQ(match->key.has_value(),
                found.kind != ClientClass::Kind::kNoRule);
      EXPECT_EQ(match->key.value_or(""), found.key) << ClientText(*client);
    }
    EXPECT_EQ(facts.ok(), profile.outage.empty()) << ClientText(*client);
    if (!facts.ok()) return found.profile;
    facts->Apply(client);
    EXPECT_EQ(client->denied, profile.denied) << ClientText(*client);
    EXPECT_EQ(client->relay_client, profile.relay_client)
        << ClientText(*client);
    for (absl::string_view name : {"DISABLE_BADMAILFROM", "RBLSMTPD"}) {
      SessionInfo expected;
      expected.environment = profile.variables;
      EXPECT_EQ(FindVariable(*client, name) == nullptr,
                FindVariable(expected, name) == nullptr)
          << std::string(name) << " of " << ClientText(*client);
    }
    return found.profile;
  }

  // Compares the verdict about an input with that of its classes.
  void CheckMail(SessionInfo client, size_t profile, bool user,
                 const Path& from, const Path& to) const {
    const Profile& facts = surface_.profiles[profile];
    const auto sender = SenderOf(from);
    const auto recipient = RecipientOf(to, facts);
    ASSERT_TRUE(sender) << absl::CHexEscape(from.Address());
    ASSERT_TRUE(recipient) << absl::CHexEscape(to.Address()) << " for "
                           << facts.relay_client.value_or("-");
    const bool temporary = client.name_status == NameStatus::kTemporary;
    const SurfaceVerdict verdict =
        surface_.Find({profile, temporary, user, *sender, *recipient});
    Answer expected;
    expected.accepted = verdict.accepted;
    expected.stage = verdict.stage;
    expected.code = verdict.code;
    expected.rule = verdict.rule;
    expected.source = verdict.source;
    if (verdict.accepted) {
      expected.local = verdict.local;
      expected.to = Rewritten(to, facts.relay_client.value_or("")).Address();
    }
    if (user) client.identity = "user";
    const Answer answer = facts.outage.empty()
                              ? Ask(client, from, to)
                              : Answer{.stage = CheckStage::kConnect,
                                       .code = 421,
                                       .rule = "tcprules",
                                       .source = facts.outage};
    EXPECT_EQ(answer, expected)
        << "checks:  " << answer.Text() << "\nsurface: " << expected.Text()
        << "\nfrom " << absl::CHexEscape(from.Address()) << " to "
        << absl::CHexEscape(to.Address()) << " user " << user << " "
        << ClientText(client);
  }

  // Checks that the witnesses are in their classes, and that no entry is
  // forgotten.
  void CheckWitnesses() const {
    for (size_t i = 0; i < surface_.clients.size(); ++i) {
      const ClientClass& client = surface_.clients[i];
      EXPECT_FALSE(client.witnesses.empty());
      for (const ClientWitness& witness : client.witnesses) {
        SessionInfo info;
        info.remote_address = witness.address;
        info.name_status = witness.name_status;
        info.remote_name = witness.name;
        info.remote_info = witness.ident;
        EXPECT_EQ(ClassesOf(info), std::vector<size_t>{i}) << client.key;
        (void)CheckClient(&info);
      }
    }
    for (const Profile& profile : surface_.profiles) {
      const auto& classes = surface_.recipients[profile.recipients].classes;
      for (size_t i = 0; i < classes.size(); ++i) {
        EXPECT_EQ(RecipientOf(classes[i].witness, profile), i)
            << classes[i].source;
        EXPECT_EQ(classes[i].envelope,
                  classes[i].kind == RecipientClass::Kind::kUnknownLiteral
                      ? classes[i].witness
                      : Rewritten(classes[i].witness,
                                  profile.relay_client.value_or("")));
      }
    }
    for (size_t i = 0; i < surface_.senders.size(); ++i) {
      EXPECT_EQ(SenderOf(surface_.senders[i].witness), i);
    }
    size_t rules = 0;
    Texts keys;
    EXPECT_TRUE(rules_
                    ->ForEach([&](absl::string_view key, absl::string_view) {
                      keys.emplace_back(key);
                      return true;
                    })
                    .ok());
    std::sort(keys.begin(), keys.end());
    keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
    for (const std::string& key : keys) {
      const auto has_key = [&key](const ClientClass& client) {
        return client.kind != ClientClass::Kind::kNoRule && client.key == key;
      };
      const auto is_key = [&key](const Unreached& rule) {
        return rule.entry == key;
      };
      rules += 1;
      EXPECT_NE(std::any_of(surface_.clients.begin(), surface_.clients.end(),
                            has_key),
                std::any_of(surface_.unreached_rules.begin(),
                            surface_.unreached_rules.end(), is_key))
          << key;
    }
    EXPECT_LE(surface_.unreached_rules.size(), rules);
  }

  Answer Ask(const SessionInfo& client, const Path& from,
             const Path& to) const {
    const auto session = std::make_shared<const SessionInfo>(client);
    const auto decide = [&](decltype(postern::Ask::what) what) {
      postern::Ask ask{.what = std::move(what)};
      auto verdict = checks_->Decide(ask, session, []() -> Policy::Done {
        ADD_FAILURE() << "the answer comes later";
        return [](Verdict) {};
      });
      return verdict.value_or(Verdict::Accept());
    };
    const auto refused = [](const Verdict& verdict, CheckStage stage) {
      return Answer{.stage = stage,
                    .code = verdict.reply()->code,
                    .rule = std::string(verdict.rule()),
                    .source = verdict.source()};
    };
    Verdict verdict = decide(Connected());
    if (!verdict.accepted()) return refused(verdict, CheckStage::kConnect);
    verdict = decide(Mail{.from = from});
    if (!verdict.accepted()) return refused(verdict, CheckStage::kMail);
    const Path sender = verdict.path().value_or(from);
    verdict = decide(Rcpt{.from = sender, .to = to});
    if (!verdict.accepted()) return refused(verdict, CheckStage::kRcpt);
    const Path envelope = verdict.path().value_or(to);
    Answer answer{.accepted = true,
                  .rule = std::string(verdict.rule()),
                  .source = verdict.source(),
                  .to = envelope.Address()};
    answer.local = envelope.domain.empty()
                       ? !absl::StrContains(envelope.local_part, '@')
                       : FirstEntry(envelope.domain).has_value();
    return answer;
  }

  static std::string ClientText(const SessionInfo& client) {
    return absl::StrCat(ToString(client.remote_address), " name ",
                        client.remote_name, " status ",
                        static_cast<int>(client.name_status), " ident ",
                        client.remote_info.value_or("-"));
  }

 private:
  struct Found {
    std::string source;
    bool database = false;
  };

  // Returns the confirmed name as rules compare it; empty: none.
  static std::string NameOf(const SessionInfo& client) {
    if (client.name_status != NameStatus::kConfirmed) return "";
    std::string name = absl::AsciiStrToLower(client.remote_name);
    if (!name.empty() && name.back() == '.') name.pop_back();
    return name;
  }

  static bool InSet(const AddressSet& set, const IpAddress& address) {
    if (address.v4()) {
      int ranges = 0;
      for (const AddressRange& range : set.v4) {
        if (!(address.bytes() < range.first.bytes()) &&
            !(range.last.bytes() < address.bytes())) {
          ++ranges;
        }
      }
      EXPECT_LE(ranges, 1);
      return ranges > 0;
    }
    if (!set.v6) return false;
    const std::string text = TcpRuleAddress(address);
    if (set.whole) return text == *set.key;
    const std::string prefix = set.key.value_or("");
    if (set.v6_network) {
      EXPECT_EQ(set.v6_network->Contains(address),
                absl::StartsWith(text, prefix))
          << text;
    }
    if (!absl::StartsWith(text, prefix) || text.size() == prefix.size()) {
      return false;
    }
    return std::none_of(set.v6_except.begin(), set.v6_except.end(),
                        [&text](const std::string& key) {
                          return text == key || (key.back() == ':' &&
                                                 absl::StartsWith(text, key));
                        });
  }

  bool HasIdentClass(const SessionInfo& client, ClientClass::Kind kind) const {
    if (!has_ident_ || !client.remote_info) return false;
    const std::string name = NameOf(client);
    if (kind == ClientClass::Kind::kIdentName && name.empty()) return false;
    const std::string key =
        absl::StrCat(*client.remote_info, "@",
                     kind == ClientClass::Kind::kIdentName
                         ? absl::StrCat("=", name)
                         : TcpRuleAddress(*client.remote_address));
    return HasClass(kind, key);
  }

  bool HasClass(ClientClass::Kind kind, absl::string_view key) const {
    return std::any_of(surface_.clients.begin(), surface_.clients.end(),
                       [kind, key](const ClientClass& client) {
                         return client.kind == kind && client.key == key;
                       });
  }

  bool Contains(const ClientClass& candidate, const SessionInfo& client) const {
    using Kind = ClientClass::Kind;
    const Kind kind = candidate.kind;
    if (!client.remote_address) {
      return (kind == Kind::kAny || kind == Kind::kNoRule) &&
             candidate.no_address;
    }
    const IpAddress& address = *client.remote_address;
    const std::string name = NameOf(client);
    const std::string ident = client.remote_info.value_or("");
    if (HasIdentClass(client, Kind::kIdentAddress)) {
      return kind == Kind::kIdentAddress &&
             candidate.key == absl::StrCat(ident, "@", TcpRuleAddress(address));
    }
    if (HasIdentClass(client, Kind::kIdentName)) {
      return kind == Kind::kIdentName &&
             candidate.key == absl::StrCat(ident, "@=", name);
    }
    if (kind == Kind::kIdentAddress || kind == Kind::kIdentName) return false;
    if (candidate.addresses &&
        !InSet(surface_.addresses[*candidate.addresses], address)) {
      return false;
    }
    if (kind == Kind::kAddress) return true;
    const bool whole =
        std::any_of(surface_.addresses.begin(), surface_.addresses.end(),
                    [&address](const AddressSet& set) {
                      return set.whole && InSet(set, address);
                    });
    if (whole) return false;
    const bool listed =
        !name.empty() && HasClass(Kind::kName, absl::StrCat("=", name));
    if (kind == Kind::kName) {
      return listed && candidate.key == absl::StrCat("=", name);
    }
    if (listed) return false;
    if (kind == Kind::kPrefix) return candidate.addresses.has_value();
    // The other kinds have the addresses without a key.
    if (!candidate.addresses || surface_.addresses[*candidate.addresses].key) {
      return false;
    }
    std::string longest;
    for (size_t dot = name.find('.', 1); dot != std::string::npos;
         dot = name.find('.', dot + 1)) {
      const std::string key = absl::StrCat("=", name.substr(dot));
      if (longest.empty() && HasClass(Kind::kSuffix, key)) longest = key;
    }
    if (kind == Kind::kSuffix) return candidate.key == longest;
    if (!longest.empty()) return false;
    const bool any_name = !name.empty() && HasClass(Kind::kAnyName, "=");
    if (kind == Kind::kAnyName) return any_name;
    return !any_name;
  }

  // Returns the first entry of the lists that matches.
  std::optional<Found> FirstEntry(std::string domain) const {
    domain = absl::AsciiStrToLower(domain);
    Texts keys;
    for (size_t i = 0; i < domain.size(); ++i) {
      if (i == 0 || domain[i] == '.') keys.push_back(domain.substr(i));
    }
    if (config_.no_hosts) return std::nullopt;
    for (const std::string& key : keys) {
      for (size_t line = 0; line < config_.hosts.size(); ++line) {
        if (absl::AsciiStrToLower(config_.hosts[line]) != key) continue;
        return Found{absl::StrCat(directory_.File("rcpthosts"), ":", line + 1)};
      }
    }
    for (const std::string& key : keys) {
      for (const std::string& entry : config_.database) {
        if (entry != key) continue;
        return Found{
            absl::StrCat(directory_.File("morercpthosts.cdb"), " key ", key),
            true};
      }
    }
    return std::nullopt;
  }

  // The local part and the domain of the whole text; a '@' at its end does not
  // divide it.
  static Path Divide(const std::string& text) {
    const size_t at = text.rfind('@');
    if (at == std::string::npos || at + 1 == text.size()) return {text, ""};
    return {text.substr(0, at), text.substr(at + 1)};
  }
  static std::string WholeText(const Path& path) {
    return path.domain.empty() ? path.local_part
                               : path.local_part + "@" + path.domain;
  }

  bool Replaces() const { return config_.localiphost != "no name!"; }
  bool UnknownLiteral(const Path& path) const {
    return Replaces() && config_.addresses_fail && V4(Divide(WholeText(path)));
  }
  bool OwnLiteral(const Path& path) const {
    const std::string domain = Divide(WholeText(path)).domain;
    return Replaces() && !config_.addresses_fail &&
           (domain == "[127.0.0.1]" || domain == "[0.0.0.0]" ||
            domain == "[127.000.0.1]");
  }
  static bool V4(const Path& path) {
    const std::string& domain = path.domain;
    return domain.size() > 2 && domain.front() == '[' && domain.back() == ']' &&
           absl::ascii_isdigit(domain[1]);
  }
  static bool Control(const Path& path) {
    const std::string text = WholeText(path);
    return std::any_of(text.begin(), text.end(), absl::ascii_iscntrl);
  }

  // Returns the address as the envelope has it.
  Path Rewritten(const Path& path, const std::string& suffix) const {
    Path divided = Divide(WholeText(path));
    if (OwnLiteral(path)) divided.domain = config_.localiphost;
    if (suffix.empty()) return divided;
    return Divide(WholeText(divided) + suffix);
  }

  std::optional<size_t> SenderOf(const Path& path) const {
    using Kind = SenderClass::Kind;
    const Path replaced = Rewritten(path, "");
    Kind kind = Kind::kOther;
    std::string source;
    if (UnknownLiteral(path)) {
      kind = Kind::kUnknownLiteral;
    } else if (Control(path)) {
      kind = Kind::kControl;
    } else {
      const std::string text = absl::AsciiStrToLower(WholeText(replaced));
      Texts keys = {text};
      if (absl::StrContains(text, '@')) {
        keys.push_back(text.substr(text.rfind('@')));
      }
      for (const std::string& key : keys) {
        for (size_t line = 0; line < config_.bad_senders.size(); ++line) {
          if (!source.empty() ||
              absl::AsciiStrToLower(config_.bad_senders[line]) != key) {
            continue;
          }
          kind = Kind::kListed;
          source = absl::StrCat(directory_.File("badmailfrom"), ":", line + 1);
        }
      }
      if (source.empty() && text.empty()) kind = Kind::kNull;
    }
    std::optional<size_t> found;
    for (size_t i = 0; i < surface_.senders.size(); ++i) {
      const SenderClass& sender = surface_.senders[i];
      if (sender.kind != kind || sender.source != source) continue;
      EXPECT_FALSE(found) << "two classes";
      found = i;
    }
    return found;
  }

  std::optional<size_t> RecipientOf(const Path& path,
                                    const Profile& profile) const {
    using Kind = RecipientClass::Kind;
    const std::string suffix = profile.relay_client.value_or("");
    const Path divided = Divide(WholeText(path));
    Kind kind = Kind::kUnlisted;
    std::string source;
    const std::optional<Found> entry =
        FirstEntry(divided.domain.empty() ? "" : divided.domain + suffix);
    if (UnknownLiteral(path)) {
      kind = Kind::kUnknownLiteral;
    } else if (Control(path)) {
      kind = Kind::kControl;
    } else if (absl::StrContains(suffix, '@')) {
      kind = Kind::kAll;
    } else if (OwnLiteral(path)) {
      kind = Kind::kOwnLiteral;
    } else if (divided.domain.empty()) {
      kind = absl::StrContains(divided.local_part, '@') ? Kind::kNoDomain
                                                        : Kind::kLocalName;
    } else if (entry) {
      kind = entry->database ? Kind::kDatabase : Kind::kLine;
      source = entry->source;
    } else if (suffix.empty() && V4(divided)) {
      kind = Kind::kLiteral;
    } else if (suffix.empty() && divided.domain.front() == '[' &&
               divided.domain.back() == ']') {
      kind = Kind::kLiteral6;
    }
    const auto& classes = surface_.recipients[profile.recipients].classes;
    EXPECT_EQ(surface_.recipients[profile.recipients].suffix, suffix);
    std::optional<size_t> found;
    for (size_t i = 0; i < classes.size(); ++i) {
      if (classes[i].kind != kind || classes[i].source != source) continue;
      EXPECT_FALSE(found) << "two classes";
      found = i;
    }
    return found;
  }

  Configuration& config_;
  files::TestDirectory directory_;
  std::unique_ptr<TcpRules> rules_;
  std::shared_ptr<const Controls> controls_;
  std::shared_ptr<Checks> checks_;
  Surface surface_;
  bool has_ident_ = false;
};

// All clients of the universe with this address.
std::vector<SessionInfo> ClientsAt(const std::optional<IpAddress>& address) {
  std::vector<SessionInfo> clients;
  for (const auto& ident :
       {std::optional<std::string>(), std::optional<std::string>("joe"),
        std::optional<std::string>("ann")}) {
    SessionInfo client;
    client.remote_address = address;
    client.remote_info = ident;
    for (const NameStatus status :
         {NameStatus::kNone, NameStatus::kTemporary, NameStatus::kForged,
          NameStatus::kUnchecked}) {
      client.name_status = status;
      client.remote_name = status == NameStatus::kUnchecked ? "a.b" : "";
      clients.push_back(client);
    }
    client.name_status = NameStatus::kConfirmed;
    for (const std::string& name : Names()) {
      client.remote_name = name;
      clients.push_back(client);
    }
  }
  return clients;
}

void CheckAll(const World& world) {
  std::vector<std::optional<IpAddress>> addresses = {std::nullopt};
  for (const IpAddress& address : Addresses()) addresses.push_back(address);
  // A client of each profile and state of the name, for the mail.
  std::vector<std::pair<size_t, SessionInfo>> senders;
  for (const auto& address : addresses) {
    for (SessionInfo& client : ClientsAt(address)) {
      if (!world.Possible(client)) continue;
      const auto profile = world.CheckClient(&client);
      if (!profile) return;
      const bool seen =
          std::any_of(senders.begin(), senders.end(), [&](const auto& sender) {
            return sender.first == *profile &&
                   sender.second.name_status == client.name_status;
          });
      if (!seen) senders.emplace_back(*profile, client);
    }
  }
  for (const auto& [profile, client] : senders) {
    for (const bool user : {false, true}) {
      if (!world.surface().Possible(user)) continue;
      const std::vector<Path> from = {
          {}, {"u", "a"}, {"u", "[127.0.0.1]"}, {"v", "c"}};
      for (const Path& sender : from) {
        for (const std::string& local_part : LocalParts()) {
          for (const std::string& domain : Domains()) {
            world.CheckMail(client, profile, user, sender,
                            {local_part, domain});
          }
        }
      }
    }
  }
}

void CheckSample(const World& world, Random* random) {
  for (int i = 0; i < 24; ++i) {
    std::optional<IpAddress> address;
    if (!OneIn(20, random)) address = AnyOf(Addresses(), random);
    SessionInfo client = AnyOf(ClientsAt(address), random);
    if (!world.Possible(client)) continue;
    const auto profile = world.CheckClient(&client);
    if (!profile) return;
    const bool user = OneIn(3, random) || !world.surface().anonymous;
    if (!world.surface().Possible(user)) continue;
    for (int mail = 0; mail < 3; ++mail) {
      const Path from{AnyOf(LocalParts(), random), AnyOf(Domains(), random)};
      const Path to{AnyOf(LocalParts(), random), AnyOf(Domains(), random)};
      world.CheckMail(client, *profile, user, from, to);
    }
  }
}

uint32_t FromEnvironment(const char* name, uint32_t otherwise) {
  const char* const text = getenv(name);
  uint32_t number = otherwise;
  if (text != nullptr && !absl::SimpleAtoi(text, &number)) {
    ADD_FAILURE() << name << " is not a number";
  }
  return number;
}

TEST(RelayTheoremTest, InputsOfOneClassGetOneVerdict) {
  constexpr uint32_t kConfigurations = 1200;
  constexpr uint32_t kFirstSeed = 20261130;
  constexpr uint32_t kAllIn = 100;
  const uint32_t first = FromEnvironment("POSTERN_THEOREM_SEED", kFirstSeed);
  const uint32_t count =
      FromEnvironment("POSTERN_THEOREM_CONFIGURATIONS", kConfigurations);
  for (uint32_t seed = first; seed < first + count; ++seed) {
    Random random(seed);
    Configuration configuration = MakeConfiguration(&random);
    World world(&configuration);
    world.CheckWitnesses();
    if (seed % kAllIn == 0) {
      CheckAll(world);
    } else {
      CheckSample(world, &random);
    }
    ASSERT_FALSE(HasFailure()) << "POSTERN_THEOREM_SEED=" << seed << "\n"
                               << configuration.Text();
  }
}

}  // namespace
}  // namespace postern::policy
