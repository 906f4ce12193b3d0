// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The addresses of the clients of a relay surface, as ranges.

#ifndef POSTERN_PROGRAMS_CHECK_CLIENT_ADDRESSES_H_
#define POSTERN_PROGRAMS_CHECK_CLIENT_ADDRESSES_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "net/address_set.h"
#include "policy/surface/relay_surface.h"

namespace postern::programs {

// IPv6 addresses whose text, as tcprules writes it, begins with `prefix` and is
// longer, without those of `except`: of a key that ends in ':', the addresses
// whose text begins with it; of another key, this address. For a prefix of the
// rules that is no network.
struct TextPrefix {
  std::string prefix;
  std::vector<std::string> except;
};

// Converts the address sets of a surface, which must outlive this object.
class ClientAddresses {
 public:
  explicit ClientAddresses(const policy::Surface& surface);

  // Adds the addresses of the set `index` to `ranges`, and to `prefixes` what
  // ranges cannot express.
  void Add(size_t index, std::vector<net::AddressRange>* ranges,
           std::vector<TextPrefix>* prefixes) const;

  // Returns a set of ranges that contains the set `index`, and as little more
  // as possible.
  net::AddressSet Around(size_t index) const;

 private:
  // Returns what the key `except` takes away from a shorter one. Returns
  // nullopt if ranges cannot express it.
  std::optional<net::AddressSet> Taken(const std::string& except) const;

  absl::Span<const policy::AddressSet> sets_;
  absl::flat_hash_map<std::string, size_t> prefixes_;  // indexes of sets_
};

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_CHECK_CLIENT_ADDRESSES_H_
