// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/check/surface_report.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "engine/grammar/ip_address.h"
#include "log/printable.h"
#include "programs/check/client_addresses.h"
#include "programs/check/grants.h"

namespace postern::programs {
namespace {

using policy::ClientClass;
using policy::RecipientClass;
using policy::Surface;
using Effect = SurfaceGroup::Effect;
using Kind = SurfaceClients::Kind;

constexpr size_t kMostSummarized = 6;  // rows in the summary
constexpr char kOpenRelay[] = "--open-relay";
// One of 16 IPv4 addresses, and one of 64 of IPv6, in networks of /64:
// fc00::/7, which organizations use, has one of 128.
constexpr uint64_t kManyIpv4 = uint64_t{1} << 28;
constexpr uint64_t kManyIpv6 = uint64_t{1} << 58;

// Returns `count` octets of an address, from `first`, as a number.
uint64_t Octets(const IpAddress& address, size_t first, size_t count) {
  uint64_t number = 0;
  for (size_t i = first; i < first + count; ++i) {
    number = number << 8 | address.bytes()[i];
  }
  return number;
}

// The kinds of recipients that some sender of a profile reaches.
using Kinds = std::array<bool, RecipientClass::kKinds>;

Kinds KindsReached(const Surface& surface, size_t profile, bool user) {
  Kinds kinds = {};
  Kinds seen = {};
  const auto& classes =
      surface.recipients[surface.profiles[profile].recipients].classes;
  for (size_t i = 0; i < classes.size(); ++i) {
    // Classes of one kind have one verdict.
    const auto kind = static_cast<size_t>(classes[i].kind);
    if (seen[kind] || !classes[i].possible) continue;
    seen[kind] = true;
    kinds[kind] = surface.Reaches(profile, user, i);
  }
  return kinds;
}

std::string Entries(size_t count, absl::string_view file) {
  return absl::StrCat(count, count == 1 ? " entry of " : " entries of ", file);
}

// Describes the local recipients of `kinds`.
std::string DescribeKinds(const Kinds& kinds, const SurfaceReport& report) {
  std::vector<std::string> parts;
  for (size_t i = 0; i < kinds.size(); ++i) {
    if (!kinds[i]) continue;
    switch (static_cast<RecipientClass::Kind>(i)) {
      case RecipientClass::Kind::kLine:
        parts.push_back(Entries(report.rcpthosts, "rcpthosts"));
        break;
      case RecipientClass::Kind::kDatabase:
        parts.push_back(Entries(report.morercpthosts, "morercpthosts.cdb"));
        break;
      case RecipientClass::Kind::kLocalName:
        parts.emplace_back("recipients without a domain");
        break;
      case RecipientClass::Kind::kOwnLiteral:
        parts.emplace_back("address literals of this host");
        break;
      case RecipientClass::Kind::kLiteral:
      case RecipientClass::Kind::kLiteral6:
      case RecipientClass::Kind::kUnknownLiteral:
        parts.emplace_back("other address literals");
        break;
      case RecipientClass::Kind::kUnlisted:
      case RecipientClass::Kind::kAll:
        parts.emplace_back("all other domains");
        break;
      case RecipientClass::Kind::kNoDomain:
        parts.emplace_back("addresses that end in @");
        break;
      case RecipientClass::Kind::kControl:
        parts.emplace_back("addresses with control characters");
        break;
    }
  }
  // The lists are what administrators look for.
  std::stable_partition(parts.begin(), parts.end(), [](const auto& part) {
    return absl::StrContains(part, "hosts");
  });
  parts.erase(std::unique(parts.begin(), parts.end()), parts.end());
  return absl::StrJoin(parts, ", ");
}

// Makes the group of a profile, without clients.
SurfaceGroup GroupOf(const Surface& surface, const SurfaceReport& report,
                     size_t index, bool user) {
  const policy::Profile& profile = surface.profiles[index];
  SurfaceGroup group;
  if (!profile.outage.empty()) {
    group.effect = Effect::kOutage;
    group.detail = profile.outage;
    return group;
  }
  if (profile.denied) {
    group.effect = Effect::kDenied;
    return group;
  }
  if (!surface.Possible(user)) return group;
  const Kinds kinds = KindsReached(surface, index, user);
  if (std::find(kinds.begin(), kinds.end(), true) == kinds.end()) return group;
  const bool relays = surface.Relays(index, user);
  if (profile.relay_client && !profile.relay_client->empty()) {
    group.effect = Effect::kSuffix;
    group.detail = *profile.relay_client;
    group.local = !relays;
  } else if (relays) {
    group.effect = Effect::kRelay;
  } else {
    group.effect = Effect::kLocal;
    group.detail = DescribeKinds(kinds, report);
  }
  return group;
}

Kind KindOf(ClientClass::Kind kind) {
  switch (kind) {
    case ClientClass::Kind::kIdentAddress:
    case ClientClass::Kind::kIdentName:
      return Kind::kIdent;
    case ClientClass::Kind::kAddress:
      return Kind::kAddress;
    case ClientClass::Kind::kName:
      return Kind::kName;
    case ClientClass::Kind::kPrefix:
      return Kind::kNetwork;
    case ClientClass::Kind::kSuffix:
      return Kind::kSuffix;
    case ClientClass::Kind::kAnyName:
      return Kind::kAnyName;
    case ClientClass::Kind::kAny:
    case ClientClass::Kind::kNoRule:
      return Kind::kOthers;
  }
  return Kind::kOthers;
}

// Splits "FILE:12" for sorting.
std::pair<std::string, int> Place(const std::string& source) {
  const size_t colon = source.rfind(':');
  int line = 0;
  if (colon != std::string::npos &&
      absl::SimpleAtoi(source.substr(colon + 1), &line)) {
    return {source.substr(0, colon), line};
  }
  return {source, 0};
}

bool IsAddresses(Kind kind) {
  return kind == Kind::kAddress || kind == Kind::kNetwork;
}

// Addresses first, then names, other clients and users. In each, the order of
// the file.
void SortClients(std::vector<SurfaceClients>* clients) {
  const auto order = [](const SurfaceClients& row) {
    const Kind kind = row.kind == Kind::kNetwork ? Kind::kAddress : row.kind;
    return std::tuple(kind, Place(row.source), row.kind);
  };
  std::stable_sort(clients->begin(), clients->end(),
                   [&order](const SurfaceClients& a, const SurfaceClients& b) {
                     return order(a) < order(b);
                   });
}

// Puts the clients of all profiles into groups.
void AddGroups(const Surface& surface, SurfaceReport* report) {
  const bool user = !surface.anonymous;
  const ClientAddresses sets(surface);
  struct Building {
    SurfaceGroup group;
    std::vector<SurfaceClients> rows;
    std::vector<std::vector<net::AddressRange>> ranges;  // of each row
    // Rows of addresses by kind, source and whether they are claimed.
    std::map<std::tuple<Kind, std::string, bool>, size_t> by_source;
  };
  std::map<std::tuple<Effect, std::string, bool>, Building> building;
  std::vector<Building*> of_profile;
  for (size_t i = 0; i < surface.profiles.size(); ++i) {
    SurfaceGroup group = GroupOf(surface, *report, i, user);
    Building& each =
        building[std::tuple(group.effect, group.detail, group.local)];
    each.group = std::move(group);
    of_profile.push_back(&each);
  }
  for (const ClientClass& clients : surface.clients) {
    Building& into = *of_profile[clients.profile];
    SurfaceClients row;
    row.kind = KindOf(clients.kind);
    row.source = clients.source;
    row.claimed = clients.claimed;
    row.no_address = clients.no_address;
    if (into.group.effect == Effect::kRelay &&
        !surface.profiles[clients.profile].relay_client) {
      row.source = user ? "AUTH" : kOpenRelay;
    }
    if (IsAddresses(row.kind)) {
      const auto [found, added] = into.by_source.emplace(
          std::tuple(row.kind, row.source, row.claimed), into.rows.size());
      if (added) {
        into.rows.push_back(row);
        into.ranges.emplace_back();
      }
      if (clients.addresses) {
        sets.Add(*clients.addresses, &into.ranges[found->second],
                 &into.rows[found->second].prefixes);
      }
      continue;
    }
    absl::string_view key = clients.key;
    if (row.kind == Kind::kName || row.kind == Kind::kSuffix) {
      absl::ConsumePrefix(&key, "=");
    }
    if (row.kind != Kind::kOthers) row.name = std::string(key);
    into.rows.push_back(std::move(row));
    into.ranges.emplace_back();
  }
  if (surface.anonymous && surface.users) {
    for (size_t i = 0; i < surface.profiles.size(); ++i) {
      if (surface.profiles[i].denied || !surface.profiles[i].outage.empty() ||
          !surface.Relays(i, /*user=*/true)) {
        continue;
      }
      Building& relay = building[std::tuple(Effect::kRelay, "", false)];
      relay.group.effect = Effect::kRelay;
      SurfaceClients users;
      users.kind = Kind::kUsers;
      relay.rows.push_back(std::move(users));
      relay.ranges.emplace_back();
      break;
    }
  }
  for (auto& [key, each] : building) {
    for (size_t i = 0; i < each.rows.size(); ++i) {
      each.rows[i].addresses = net::AddressSet(each.ranges[i]);
    }
    // A rule that matches only clients that no connection has is not a row.
    if (each.rows.empty()) continue;
    SortClients(&each.rows);
    each.group.clients = std::move(each.rows);
    report->groups.push_back(std::move(each.group));
  }
}

void AddDomains(const Surface& surface, SurfaceReport* report) {
  for (const RecipientClass& each : surface.recipients[0].classes) {
    const bool line = each.kind == RecipientClass::Kind::kLine;
    const bool database = each.kind == RecipientClass::Kind::kDatabase;
    if ((!line && !database) || !each.possible) continue;
    (line ? report->rcpthosts : report->morercpthosts) += 1;
    report->domains.push_back({each.entry, each.source});
    if (IsWideDomain(each.entry)) {
      report->wide_domains.push_back(report->domains.back());
    }
  }
}

// Counts the entries of badmailfrom if they are refused for every client.
size_t CountRefusedSenders(const Surface& surface) {
  size_t count = 0;
  for (size_t i = 0; i < surface.senders.size(); ++i) {
    if (surface.senders[i].kind != policy::SenderClass::Kind::kListed) continue;
    if (count++ > 0) continue;  // senders of one kind have one verdict
    for (const auto user : {false, true}) {
      if (!surface.Possible(user)) continue;
      for (size_t profile = 0; profile < surface.profiles.size(); ++profile) {
        const auto& classes =
            surface.recipients[surface.profiles[profile].recipients].classes;
        for (size_t recipient = 0; recipient < classes.size(); ++recipient) {
          // Only one recipient of each kind has to be asked.
          if (recipient > 0 &&
              classes[recipient].kind == classes[recipient - 1].kind) {
            continue;
          }
          policy::SurfaceQuestion question;
          question.profile = profile;
          question.user = user;
          question.sender = i;
          question.recipient = recipient;
          if (surface.Find(question).accepted) return 0;
        }
      }
    }
  }
  return count;
}

std::string Summarize(const SurfaceReport& report) {
  std::vector<std::string> parts;
  std::string others;
  for (const SurfaceGroup& group : report.groups) {
    const bool relays = group.effect == Effect::kRelay ||
                        (group.effect == Effect::kSuffix && !group.local);
    for (const SurfaceClients& clients : group.clients) {
      if (clients.kind == Kind::kOthers) {
        others = absl::StrCat(clients.name, ": ", EffectText(group));
      } else if (relays && !clients.claimed) {
        std::string part = absl::StrJoin(WhoTexts(clients, 3), ", ");
        if (!clients.source.empty()) {
          absl::StrAppend(&part, " by ", log::Printable(clients.source));
        }
        if (clients.TrustsDns()) absl::StrAppend(&part, " (trusts DNS)");
        parts.push_back(std::move(part));
      }
    }
  }
  if (parts.size() > kMostSummarized) {
    const size_t left = parts.size() - kMostSummarized;
    parts.resize(kMostSummarized);
    parts.push_back(absl::StrCat(left, " more"));
  }
  std::string text =
      parts.empty() ? "no client may relay"
                    : absl::StrCat("may relay: ", absl::StrJoin(parts, "; "));
  if (!others.empty()) absl::StrAppend(&text, "; ", others);
  return text;
}

}  // namespace

bool SurfaceClients::TrustsDns() const {
  return kind == Kind::kName || kind == Kind::kSuffix || kind == Kind::kAnyName;
}

std::vector<std::string> WhoTexts(const SurfaceClients& clients, size_t most) {
  std::vector<std::string> texts;
  switch (clients.kind) {
    case Kind::kAddress:
    case Kind::kNetwork:
      texts = clients.addresses.Texts();
      for (const TextPrefix& prefix : clients.prefixes) {
        std::string text = absl::StrCat("IPv6 addresses that begin with ",
                                        log::Printable(prefix.prefix));
        if (!prefix.except.empty()) {
          absl::StrAppend(
              &text, ", except ", prefix.except.size(),
              prefix.except.size() == 1 ? " longer rule" : " longer rules");
        }
        texts.push_back(std::move(text));
      }
      break;
    case Kind::kName:
      texts = {absl::StrCat("host name ", log::Printable(clients.name))};
      break;
    case Kind::kSuffix:
      texts = {absl::StrCat("host names below ", log::Printable(clients.name))};
      break;
    case Kind::kAnyName:
      texts = {"any confirmed host name"};
      break;
    case Kind::kIdent:
      texts = {absl::StrCat("ident name ", log::Printable(clients.name))};
      break;
    case Kind::kOthers:
      texts = {log::Printable(clients.name)};
      break;
    case Kind::kUsers:
      texts = {"authenticated users"};
      break;
  }
  if (most > 0 && texts.size() > most) {
    const size_t left = texts.size() - most;
    texts.resize(most);
    texts.push_back(absl::StrCat("and ", left, " more networks"));
  }
  return texts;
}

std::string EffectText(const SurfaceGroup& group) {
  switch (group.effect) {
    case Effect::kRelay:
      return "may send to every domain";
    case Effect::kSuffix:
      return absl::StrCat("may send to every recipient, to which ",
                          log::Printable(group.detail), " is appended",
                          group.local ? "; this is a domain of this host" : "");
    case Effect::kLocal:
      return absl::StrCat("may send to ", log::Printable(group.detail));
    case Effect::kNothing:
      return "may send to no recipient";
    case Effect::kDenied:
      return "denied";
    case Effect::kOutage:
      return absl::StrCat("gets a 421: ", log::Printable(group.detail));
  }
  return "";
}

SurfaceReport MakeSurfaceReport(const Surface& surface, bool own_senders) {
  SurfaceReport report;
  report.must_authenticate = !surface.anonymous;
  report.own_senders = own_senders;
  AddDomains(surface, &report);
  AddGroups(surface, &report);
  report.refused_senders = CountRefusedSenders(surface);
  report.claimants = surface.claimants;
  report.outside = surface.outside;
  bool whole_names = false;
  bool networks = false;
  size_t rows = 0;
  for (const SurfaceGroup& group : report.groups) {
    for (const SurfaceClients& clients : group.clients) {
      ++rows;
      if (clients.claimed) continue;
      report.trusts_dns = report.trusts_dns || clients.TrustsDns();
      whole_names = whole_names || clients.kind == Kind::kName;
      networks = networks || clients.kind == Kind::kNetwork;
    }
  }
  report.names_precede = whole_names && networks;
  for (SurfaceGroup& group : report.groups) {
    for (SurfaceClients& clients : group.clients) {
      if (clients.kind != Kind::kOthers) continue;
      clients.name = rows == 1 ? "every client" : "every other client";
      if (clients.no_address) clients.name += ", also by a Unix socket";
    }
  }
  const auto add = [&report](const std::vector<policy::Unreached>& entries,
                             absl::string_view list) {
    for (const policy::Unreached& entry : entries) {
      report.unreached.push_back({std::string(list), entry});
    }
  };
  add(surface.unreached_rules, "rule");
  add(surface.unreached_recipients, "domain");
  add(surface.unreached_senders, "sender");
  report.notes = surface.notes;
  report.summary = Summarize(report);
  return report;
}

std::vector<OpenRelay> OpenRelays(const SurfaceReport& report) {
  constexpr absl::string_view kMay =
      " may send to every domain without AUTH, an open relay";
  std::vector<OpenRelay> found;
  if (report.must_authenticate) return found;
  std::vector<net::AddressRange> ranges;
  std::string source;  // of the first addresses
  for (const SurfaceGroup& group : report.groups) {
    if (group.effect != Effect::kRelay) continue;
    for (const SurfaceClients& row : group.clients) {
      if (row.claimed || row.source == kOpenRelay) continue;
      switch (row.kind) {
        case Kind::kOthers:
          found.push_back(
              {row.source,
               absl::StrCat("every client without another rule", kMay)});
          break;
        case Kind::kAnyName:
          found.push_back(
              {row.source,
               absl::StrCat("every client with a host name", kMay)});
          break;
        case Kind::kSuffix:
          if (!IsWideDomain(row.name)) break;
          found.push_back(
              {row.source, absl::StrCat("every client with a host name below ",
                                        row.name, kMay)});
          break;
        case Kind::kAddress:
        case Kind::kNetwork:
          for (const net::AddressRange& range : row.addresses.Ranges()) {
            if (ranges.empty()) source = row.source;
            ranges.push_back(range);
          }
          break;
        case Kind::kIdent:
        case Kind::kName:
        case Kind::kUsers:
          break;
      }
    }
  }
  // Several rules may share the addresses: a database has one for each octet.
  uint64_t v4 = 0;
  uint64_t v6 = 0;  // networks of /64
  for (const net::AddressRange& range : net::AddressSet(ranges).Ranges()) {
    if (range.first.v4()) {
      v4 += Octets(range.last, 12, 4) - Octets(range.first, 12, 4) + 1;
    } else {
      v6 += Octets(range.last, 0, 8) - Octets(range.first, 0, 8);
    }
  }
  if (v4 >= kManyIpv4) {
    found.push_back({source, absl::StrCat("at least a sixteenth of all IPv4 "
                                          "addresses",
                                          kMay)});
  } else if (v6 >= kManyIpv6) {
    found.push_back(
        {source, absl::StrCat("at least one of 64 IPv6 addresses", kMay)});
  }
  return found;
}

}  // namespace postern::programs
