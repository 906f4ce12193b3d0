// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/rules/lenient_clients.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_split.h"
#include "engine/grammar/ip_address.h"

namespace postern::policy {

absl::StatusOr<LenientClients> LenientClients::Parse(
    absl::Span<const std::string> entries) {
  LenientClients clients;
  if (entries.size() == 1 && entries[0] == "none") return clients;
  if (entries.size() == 1 && entries[0] == "all") {
    clients.all_ = true;
    return clients;
  }
  absl::StatusOr<net::NetworkList> networks = net::NetworkList::Parse(entries);
  if (!networks.ok()) return networks.status();
  clients.networks_ = *std::move(networks);
  return clients;
}

absl::StatusOr<LenientClients> LenientClients::ParseVariable(
    absl::string_view value) {
  const std::vector<std::string> entries =
      absl::StrSplit(value, ' ', absl::SkipEmpty());
  return Parse(entries);
}

Strictness LenientClients::Of(const std::optional<IpAddress>& address) const {
  return all_ || networks_.Contains(address) ? Strictness::kLenient
                                             : Strictness::kStrict;
}

}  // namespace postern::policy
