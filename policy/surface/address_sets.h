// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Cuts the IP addresses at the keys of tcpserver's rules.

#ifndef POSTERN_POLICY_SURFACE_ADDRESS_SETS_H_
#define POSTERN_POLICY_SURFACE_ADDRESS_SETS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "engine/grammar/ip_address.h"
#include "policy/surface/relay_surface.h"

namespace postern::policy {

// A set, and one of its addresses; nullopt if the set is empty.
struct WitnessedSet {
  AddressSet set;
  std::optional<IpAddress> witness;
};

// Returns whether `key` is the text of an address: TcpRuleAddress().
bool IsWholeAddress(absl::string_view key);
// Returns whether `key` may be a prefix of such a text: it ends in '.' or ':'.
bool IsAddressPrefix(absl::string_view key);

// Returns the set of each of `keys`, which are whole addresses and prefixes, in
// their order, without repetitions: that of a whole address before that of the
// prefix with the same text, as "2001:db8::". The last set is that of the
// addresses without a key. Empty sets are included.
std::vector<WitnessedSet> MakeAddressSets(std::vector<std::string> keys);

}  // namespace postern::policy

#endif  // POSTERN_POLICY_SURFACE_ADDRESS_SETS_H_
