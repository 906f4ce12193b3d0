// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/check/surface_grants.h"

#include <cstddef>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "net/address_set.h"
#include "programs/check/client_addresses.h"

namespace postern::programs {

using policy::ClientClass;
using policy::RecipientClass;
using policy::Surface;

std::vector<Grant> GrantsOf(const Surface& surface) {
  std::vector<Grant> grants;
  const ClientAddresses sets(surface);
  const auto add = [&grants](Grant::Kind kind, absl::string_view text,
                             absl::string_view source) {
    Grant grant;
    grant.kind = kind;
    grant.text = std::string(text);
    grant.source = std::string(source);
    grants.push_back(std::move(grant));
  };
  // Relays() is linear in the number of domains.
  std::vector<bool> relays;
  for (size_t i = 0; i < surface.profiles.size(); ++i) {
    relays.push_back(surface.Relays(i, /*user=*/false));
  }
  std::map<std::string, size_t> by_source;             // to indexes of `grants`
  std::vector<std::vector<net::AddressRange>> ranges;  // of `grants`
  bool open = false;
  for (const ClientClass& clients : surface.clients) {
    if (clients.claimed || !relays[clients.profile]) continue;
    if (!surface.profiles[clients.profile].relay_client) {
      // No rule permits it.
      if (!open) add(Grant::Kind::kEveryone, "", "--open-relay");
      open = true;
      continue;
    }
    absl::string_view key = clients.key;
    switch (clients.kind) {
      case ClientClass::Kind::kIdentAddress:
      case ClientClass::Kind::kIdentName:
        add(Grant::Kind::kIdent, key, clients.source);
        break;
      case ClientClass::Kind::kAddress:
      case ClientClass::Kind::kPrefix: {
        // One line of the rules may have many keys.
        const auto [found, added] =
            by_source.emplace(clients.source, grants.size());
        if (added) {
          add(Grant::Kind::kAddress, "", clients.source);
          ranges.resize(grants.size());
        }
        if (!clients.addresses) break;
        for (const net::AddressRange& range :
             sets.Around(*clients.addresses).Ranges()) {
          ranges[found->second].push_back(range);
        }
        break;
      }
      case ClientClass::Kind::kName:
      case ClientClass::Kind::kSuffix:
        absl::ConsumePrefix(&key, "=");
        add(Grant::Kind::kName, key, clients.source);
        break;
      case ClientClass::Kind::kAnyName:
        add(Grant::Kind::kNames, "", clients.source);
        break;
      case ClientClass::Kind::kAny:
      case ClientClass::Kind::kNoRule:
        add(Grant::Kind::kEveryone, "", clients.source);
        break;
    }
  }
  for (const auto& [source, index] : by_source) {
    grants[index].addresses = net::AddressSet(ranges[index]);
  }
  if (surface.users) {
    for (size_t i = 0; i < surface.profiles.size(); ++i) {
      if (!surface.Relays(i, /*user=*/true)) continue;
      add(Grant::Kind::kUsers, "", "AUTH");
      break;
    }
  }
  for (const policy::Claimant& claimant : surface.claimants) {
    const bool more = claimant.names || claimant.users;
    add(more ? Grant::Kind::kXclient : Grant::Kind::kProxy,
        claimant.network ? "" : claimant.peers, claimant.source);
    if (claimant.network) {
      grants.back().addresses = net::AddressSet(*claimant.network);
    }
  }
  for (const RecipientClass& each : surface.recipients[0].classes) {
    const bool listed = each.kind == RecipientClass::Kind::kLine ||
                        each.kind == RecipientClass::Kind::kDatabase;
    if (listed && each.possible) {
      add(Grant::Kind::kDomain, each.entry, each.source);
    }
  }
  return grants;
}

}  // namespace postern::programs
