// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/surface/certificate.h"

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/grammar/ip_address.h"
#include "engine/grammar/path.h"
#include "nlohmann/json.hpp"

namespace postern::policy {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kFormat = 1;
constexpr unsigned kMappedBits = 96;  // of Network::bits before IPv4 addresses

// Names of the certificate, in the order of the enumerations.
constexpr std::array<const char*, 9> kClientKinds = {
    "ident-address", "ident-name", "address", "name",   "prefix",
    "suffix",        "any-name",   "any",     "no-rule"};
constexpr std::array<const char*, RecipientClass::kKinds> kRecipientKinds = {
    "unknown-literal", "control",  "own-literal", "local-name",
    "no-domain",       "line",     "database",    "literal",
    "literal6",        "unlisted", "all"};
constexpr std::array<const char*, SenderClass::kKinds> kSenderKinds = {
    "unknown-literal", "control", "listed", "null", "other"};

template <typename Names, typename Kind>
const char* NameOf(const Names& names, Kind kind) {
  return names[static_cast<size_t>(kind)];
}

Json OrNull(const std::optional<std::string>& text) {
  return text ? Json(*text) : Json();
}

Json NetworkText(const std::optional<net::Network>& network) {
  if (!network) return Json();
  const unsigned bits =
      network->bits - (network->address.v4() ? kMappedBits : 0);
  return absl::StrCat(network->address.ToString(), "/", bits);
}

Json PathObject(const Path& path) {
  return {{"local_part", path.local_part}, {"domain", path.domain}};
}

const char* StatusName(NameStatus status) {
  switch (status) {
    case NameStatus::kConfirmed:
      return "confirmed";
    case NameStatus::kTemporary:
      return "temporary";
    default:
      return "unconfirmed";
  }
}

Json Addresses(const Surface& surface) {
  Json list = Json::array();
  for (const AddressSet& set : surface.addresses) {
    Json ranges = Json::array();
    for (const AddressRange& range : set.v4) {
      ranges.push_back({range.first.ToString(), range.last.ToString()});
    }
    list.push_back({{"key", OrNull(set.key)},
                    {"whole", set.whole},
                    {"v4", std::move(ranges)},
                    {"v6", set.v6},
                    {"v6_except", set.v6_except},
                    {"v6_network", NetworkText(set.v6_network)}});
  }
  return list;
}

Json Clients(const Surface& surface) {
  Json list = Json::array();
  for (const ClientClass& client : surface.clients) {
    Json witnesses = Json::array();
    for (const ClientWitness& witness : client.witnesses) {
      witnesses.push_back(
          {{"address",
            witness.address ? Json(witness.address->ToString()) : Json()},
           {"name_status", StatusName(witness.name_status)},
           {"name", witness.name},
           {"ident", OrNull(witness.ident)}});
    }
    list.push_back(
        {{"kind", NameOf(kClientKinds, client.kind)},
         {"key", client.key},
         {"source", client.source},
         {"profile", client.profile},
         {"addresses", client.addresses ? Json(*client.addresses) : Json()},
         {"no_address", client.no_address},
         {"claimed", client.claimed},
         {"witnesses", std::move(witnesses)}});
  }
  return list;
}

Json Profiles(const Surface& surface) {
  Json list = Json::array();
  for (const Profile& profile : surface.profiles) {
    Json variables = Json::object();
    for (const auto& [name, value] : profile.variables) {
      variables[name] = value;
    }
    list.push_back({{"outage", profile.outage},
                    {"denied", profile.denied},
                    {"relay_client", OrNull(profile.relay_client)},
                    {"variables", std::move(variables)},
                    {"recipients", profile.recipients}});
  }
  return list;
}

Json Recipients(const Surface& surface) {
  Json list = Json::array();
  for (const RecipientPartition& partition : surface.recipients) {
    Json classes = Json::array();
    for (const RecipientClass& to : partition.classes) {
      classes.push_back({{"kind", NameOf(kRecipientKinds, to.kind)},
                         {"entry", to.entry},
                         {"source", to.source},
                         {"witness", PathObject(to.witness)},
                         {"possible", to.possible},
                         {"envelope", PathObject(to.envelope)},
                         {"local", to.local}});
    }
    list.push_back(
        {{"suffix", partition.suffix}, {"classes", std::move(classes)}});
  }
  return list;
}

Json Senders(const Surface& surface) {
  Json list = Json::array();
  for (const SenderClass& from : surface.senders) {
    list.push_back({{"kind", NameOf(kSenderKinds, from.kind)},
                    {"entry", from.entry},
                    {"source", from.source},
                    {"witness", PathObject(from.witness)}});
  }
  return list;
}

Json Verdicts(const Surface& surface) {
  Json list = Json::array();
  for (size_t profile = 0; profile < surface.profiles.size(); ++profile) {
    for (const bool temporary : {false, true}) {
      for (const bool user : {false, true}) {
        for (size_t from = 0; from < SenderClass::kKinds; ++from) {
          for (size_t to = 0; to < RecipientClass::kKinds; ++to) {
            const auto& verdict = surface.verdicts[surface.VerdictIndex(
                profile, temporary, user, SenderClass::Kind(from),
                RecipientClass::Kind(to))];
            if (!verdict) continue;
            list.push_back({{"profile", profile},
                            {"temporary", temporary},
                            {"user", user},
                            {"sender", kSenderKinds[from]},
                            {"recipient", kRecipientKinds[to]},
                            {"accepted", verdict->accepted},
                            {"stage", std::string(StageName(verdict->stage))},
                            {"code", verdict->code},
                            {"rule", verdict->rule}});
          }
        }
      }
    }
  }
  return list;
}

Json UnreachedEntries(const std::vector<Unreached>& entries) {
  Json list = Json::array();
  for (const Unreached& entry : entries) {
    list.push_back(
        {{"entry", entry.entry}, {"source", entry.source}, {"why", entry.why}});
  }
  return list;
}

Json Claimants(const Surface& surface) {
  Json list = Json::array();
  for (const Claimant& claimant : surface.claimants) {
    list.push_back({{"peers", claimant.peers},
                    {"network", NetworkText(claimant.network)},
                    {"source", claimant.source},
                    {"names", claimant.names},
                    {"users", claimant.users}});
  }
  return list;
}

Json Outside(const Surface& surface) {
  Json list = Json::array();
  for (const OutsideCheck& check : surface.outside) {
    list.push_back(
        {{"rule", check.rule}, {"by", check.by}, {"accepts", check.accepts}});
  }
  return list;
}

}  // namespace

std::string WriteCertificate(const Surface& surface) {
  Json object;
  object["format"] = kFormat;
  object["host_names"] = surface.host_names;
  object["ident"] = surface.ident;
  object["anonymous"] = surface.anonymous;
  object["users"] = surface.users;
  object["open_relay"] = surface.open_relay;
  object["claimants"] = Claimants(surface);
  object["addresses"] = Addresses(surface);
  object["clients"] = Clients(surface);
  object["profiles"] = Profiles(surface);
  object["recipients"] = Recipients(surface);
  object["senders"] = Senders(surface);
  object["verdicts"] = Verdicts(surface);
  object["unreached_rules"] = UnreachedEntries(surface.unreached_rules);
  object["unreached_recipients"] =
      UnreachedEntries(surface.unreached_recipients);
  object["unreached_senders"] = UnreachedEntries(surface.unreached_senders);
  object["outside"] = Outside(surface);
  object["notes"] = surface.notes;
  return object.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace postern::policy
