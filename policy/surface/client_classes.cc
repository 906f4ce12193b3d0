// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/surface/client_classes.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "policy/rule_facts.h"
#include "policy/rules/rule_source.h"
#include "policy/rules/tcp_rule_key.h"
#include "policy/surface/address_sets.h"

namespace postern::policy {
namespace {

using Kind = ClientClass::Kind;

// A record of the rules.
struct Rule {
  std::string key;
  std::string source;
  size_t profile = 0;
};

// A key with an ident name: "joe@192.0.2.1", "joe@=a.example".
struct IdentKey {
  absl::string_view ident;
  absl::string_view rest;  // what follows the '@'
};

std::optional<IdentKey> SplitIdent(absl::string_view key) {
  const size_t at = key.rfind('@');
  if (at == absl::string_view::npos || !IsTcpRuleKey(key)) return std::nullopt;
  return IdentKey{key.substr(0, at), key.substr(at + 1)};
}

class ClientClasses {
 public:
  ClientClasses(const SurfaceInput& input, absl::Span<const CheckEntry> checks,
                Surface* surface)
      : input_(input), surface_(*surface) {
    for (const CheckEntry& check : checks) {
      for (absl::string_view name :
           absl::StrSplit(check.row.variables, ' ', absl::SkipEmpty())) {
        variables_.emplace(name);
      }
    }
    named_ = input.host_names;
    for (const Claimant& claimant : input.claimants) {
      claimed_names_ = claimed_names_ || claimant.names;
    }
    named_ = named_ || claimed_names_;
  }

  absl::Status Make() {
    absl::Status status = ReadRules();
    if (!status.ok()) return status;
    MakeAddresses();
    ChooseExamples();
    for (const Rule& rule : rules_) {
      if (!AddClasses(rule)) surface_.unreached_rules.push_back(Why(rule));
    }
    if (!keys_.contains("")) {
      // Without a rule a client is allowed.
      AddRest(Kind::kNoRule, {.profile = ProfileOf(RuleFacts())});
    }
    std::stable_sort(surface_.clients.begin(), surface_.clients.end(),
                     [](const ClientClass& left, const ClientClass& right) {
                       return left.kind < right.kind;
                     });
    return absl::OkStatus();
  }

 private:
  absl::Status ReadRules() {
    if (input_.rules == nullptr) return absl::OkStatus();
    std::vector<std::pair<std::string, std::string>> records;
    const absl::Status read = input_.rules->ForEach(
        [&](absl::string_view key, absl::string_view record) {
          // Of two records with one key, a look-up finds the first.
          if (keys_.emplace(key).second) {
            records.emplace_back(std::string(key), std::string(record));
          }
          return true;
        });
    if (!read.ok()) return read;
    using State = RuleSource::State;
    const State state = input_.source.state();
    if (state == State::kInvalid || state == State::kDiffers) {
      surface_.notes.push_back(input_.source.Warning());
    }
    for (const auto& [key, record] : records) {
      Rule& rule = rules_.emplace_back();
      rule.key = key;
      rule.source = input_.source.Place(key);
      rule.profile = ProfileOf(record, key);
    }
    std::sort(rules_.begin(), rules_.end(),
              [](const Rule& left, const Rule& right) {
                return left.key < right.key;
              });
    return absl::OkStatus();
  }

  size_t ProfileOf(const std::string& record, absl::string_view key) {
    const std::optional<TcpRules::Match> match = TcpRules::ParseRecord(record);
    if (!match) {
      return AddProfile(
          {.outage = absl::StrCat(input_.rules->path(), " key ",
                                  absl::CHexEscape(key),
                                  ": the record was not made by tcprules")});
    }
    const absl::StatusOr<RuleFacts> facts = ReadRuleFacts(*match, std::nullopt);
    if (!facts.ok()) {
      return AddProfile({.outage = std::string(facts.status().message())});
    }
    return ProfileOf(*facts);
  }

  size_t ProfileOf(const RuleFacts& facts) {
    Profile profile;
    profile.denied = facts.denied;
    profile.relay_client = facts.relay_client;
    std::map<std::string, std::string> variables;
    for (const auto& [name, value] : facts.variables) {
      if (variables_.contains(name)) variables[name] = value;
    }
    profile.variables.assign(variables.begin(), variables.end());
    return AddProfile(std::move(profile));
  }

  size_t AddProfile(Profile profile) {
    std::vector<std::string> text = {
        profile.outage, absl::StrCat(profile.denied),
        profile.relay_client ? "=" + *profile.relay_client : ""};
    for (const auto& [name, value] : profile.variables) {
      text.push_back(name);
      text.push_back(value);
    }
    const auto [found, added] =
        profiles_.try_emplace(std::move(text), surface_.profiles.size());
    if (added) surface_.profiles.push_back(std::move(profile));
    return found->second;
  }

  void MakeAddresses() {
    std::vector<std::string> keys;
    for (const Rule& rule : rules_) {
      const bool name =
          absl::StartsWith(rule.key, "=") || absl::StrContains(rule.key, '@');
      if (!rule.key.empty() && !name && IsTcpRuleKey(rule.key)) {
        keys.push_back(rule.key);
      }
    }
    for (WitnessedSet& witnessed : MakeAddressSets(std::move(keys))) {
      if (!witnessed.witness) continue;
      const AddressSet& set = witnessed.set;
      if (!set.key) {
        rest_ = surface_.addresses.size();
      } else {
        (set.whole ? whole_ : prefixes_)[*set.key] = surface_.addresses.size();
      }
      if (!set.whole && !without_whole_) without_whole_ = *witnessed.witness;
      witnesses_.push_back(*witnessed.witness);
      surface_.addresses.push_back(std::move(witnessed.set));
    }
  }

  void ChooseExamples() {
    const auto has_key = [this](absl::string_view name) {
      SessionInfo peer;
      peer.remote_address = without_whole_;
      peer.name_status = NameStatus::kConfirmed;
      peer.remote_name = std::string(name);
      for (const std::string& key : TcpRuleKeys(peer)) {
        if (key.size() > 1 && key[0] == '=' && keys_.contains(key)) return true;
      }
      return false;
    };
    example_name_ = "client.invalid";
    for (int i = 0; has_key(example_name_); ++i) {
      example_name_ = absl::StrCat("client", i);
    }
  }

  // Adds the classes of a rule. Returns false if no client reaches it.
  bool AddClasses(const Rule& rule) {
    const absl::string_view key = rule.key;
    const size_t before = surface_.clients.size();
    if (key.empty()) {
      AddRest(Kind::kAny, rule);
      return surface_.clients.size() > before;
    }
    if (const auto ident = SplitIdent(key); ident && input_.ident) {
      AddIdent(rule, *ident);
    }
    if (absl::StartsWith(key, "=")) {
      if (named_) AddNames(rule, key.substr(1));
      return surface_.clients.size() > before;
    }
    if (const auto whole = whole_.find(key); whole != whole_.end()) {
      AddAddresses(Kind::kAddress, rule, whole->second);
    }
    if (const auto set = prefixes_.find(key); set != prefixes_.end()) {
      AddAddresses(Kind::kPrefix, rule, set->second);
    }
    return surface_.clients.size() > before;
  }

  ClientClass& AddClass(Kind kind, const Rule& rule) {
    ClientClass& added = surface_.clients.emplace_back();
    added.kind = kind;
    added.key = rule.key;
    added.source = rule.source;
    added.profile = rule.profile;
    return added;
  }

  void AddWitness(const std::optional<IpAddress>& address, NameStatus status,
                  ClientClass* to) {
    ClientWitness& witness = to->witnesses.emplace_back();
    witness.address = address;
    witness.name_status = status;
    if (status == NameStatus::kConfirmed) witness.name = example_name_;
  }

  // A witness for each state of the host name.
  void AddStates(const IpAddress& address, bool confirmed, ClientClass* to) {
    AddWitness(address, NameStatus::kNone, to);
    if (!named_) return;
    AddWitness(address, NameStatus::kTemporary, to);
    if (confirmed) AddWitness(address, NameStatus::kConfirmed, to);
  }

  void AddAddresses(Kind kind, const Rule& rule, size_t set) {
    ClientClass& added = AddClass(kind, rule);
    added.addresses = set;
    AddStates(witnesses_[set], true, &added);
  }

  void AddRest(Kind kind, const Rule& rule) {
    if (!rest_ && !input_.no_address) return;
    ClientClass& added = AddClass(kind, rule);
    added.addresses = rest_;
    if (rest_) AddStates(witnesses_[*rest_], !keys_.contains("="), &added);
    added.no_address = input_.no_address;
    if (added.no_address) AddWitness(std::nullopt, NameStatus::kNone, &added);
  }

  // Adds the classes of "=NAME", "=.SUFFIX" or "=".
  void AddNames(const Rule& rule, absl::string_view name) {
    if (absl::AsciiStrToLower(name) != name) return;
    // DNS has no name that begins or ends with a dot, but a proxy may name one.
    // The last dot of a name does not count.
    const bool dots = absl::StartsWith(name, ".") || absl::EndsWith(name, ".");
    if (!name.empty() && without_whole_ && (!dots || claimed_names_)) {
      ClientClass& added = AddClass(Kind::kName, rule);
      AddWitness(without_whole_, NameStatus::kConfirmed, &added);
      added.witnesses.back().name =
          absl::StrCat(name, absl::EndsWith(name, ".") ? "." : "");
      added.claimed = dots || !input_.host_names;
    }
    if (!rest_ || (!name.empty() && !absl::StartsWith(name, "."))) return;
    if (absl::EndsWith(name, ".") && !claimed_names_) return;
    ClientClass& added =
        AddClass(name.empty() ? Kind::kAnyName : Kind::kSuffix, rule);
    added.addresses = rest_;
    added.claimed = absl::EndsWith(name, ".") || !input_.host_names;
    AddWitness(witnesses_[*rest_], NameStatus::kConfirmed, &added);
    if (name.empty()) return;
    std::string& witness = added.witnesses.back().name;
    witness = absl::StrCat("client", name);
    for (int i = 0; keys_.contains(absl::StrCat("=", witness)); ++i) {
      witness = absl::StrCat("client", i, name);
    }
    if (absl::EndsWith(name, ".")) witness += ".";
  }

  void AddIdent(const Rule& rule, const IdentKey& key) {
    if (!absl::StartsWith(key.rest, "=")) {
      ClientClass& added = AddClass(Kind::kIdentAddress, rule);
      AddStates(*IpAddress::Parse(key.rest), true, &added);
      for (ClientWitness& witness : added.witnesses) {
        witness.ident = std::string(key.ident);
      }
      return;
    }
    if (!named_) return;
    ClientClass& added = AddClass(Kind::kIdentName, rule);
    // An address for which this ident name has no rule of its own.
    std::optional<IpAddress> address;
    for (uint32_t i = 1; !address; ++i) {
      const IpAddress next = IpAddress::V4({10, static_cast<uint8_t>(i >> 16),
                                            static_cast<uint8_t>(i >> 8),
                                            static_cast<uint8_t>(i)});
      const std::string own =
          absl::StrCat(key.ident, "@", TcpRuleAddress(next));
      if (!keys_.contains(own)) address = next;
    }
    AddWitness(address, NameStatus::kConfirmed, &added);
    added.witnesses.back().name = std::string(key.rest.substr(1));
    added.witnesses.back().ident = std::string(key.ident);
    added.claimed = !input_.host_names;
  }

  // Returns why no client reaches the rule.
  Unreached Why(const Rule& rule) const {
    std::string why = "all its addresses have longer keys";
    if (absl::StartsWith(rule.key, "=")) {
      const absl::string_view name = absl::string_view(rule.key).substr(1);
      if (!named_) {
        why = "host names are not looked up";
      } else if (absl::AsciiStrToLower(name) != name ||
                 absl::EndsWith(name, ".")) {
        why = "no client can have this name";
      } else {
        why = "every address has a rule of its own";
      }
    } else if (rule.key.empty()) {
      why = "every address has a rule of its own";
    } else if (!IsTcpRuleKey(rule.key)) {
      why = "no client can have this address";
    } else if (absl::StrContains(rule.key, '@')) {
      why = input_.ident ? "host names are not looked up"
                         : "clients are not asked for ident names";
    }
    return {rule.key, rule.source, std::move(why)};
  }

  const SurfaceInput& input_;
  Surface& surface_;
  absl::flat_hash_set<std::string> variables_;  // that checks read
  bool named_ = false;          // whether a client can have a host name
  bool claimed_names_ = false;  // whether a claimant names host names
  std::vector<Rule> rules_;     // in the order of the keys
  absl::flat_hash_set<std::string> keys_;
  std::map<std::vector<std::string>, size_t> profiles_;
  // Indexes of surface_.addresses, which has no empty sets.
  absl::flat_hash_map<std::string, size_t> whole_;
  absl::flat_hash_map<std::string, size_t> prefixes_;
  std::optional<size_t> rest_;
  std::vector<IpAddress> witnesses_;
  std::optional<IpAddress> without_whole_;  // an address without a whole key
  std::string example_name_;                // a name without a key
};

}  // namespace

absl::Status AddClients(const SurfaceInput& input,
                        absl::Span<const CheckEntry> checks, Surface* surface) {
  return ClientClasses(input, checks, surface).Make();
}

}  // namespace postern::policy
