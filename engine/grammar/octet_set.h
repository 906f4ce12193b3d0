// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Sets of octets, for parsers.

#ifndef POSTERN_ENGINE_GRAMMAR_OCTET_SET_H_
#define POSTERN_ENGINE_GRAMMAR_OCTET_SET_H_

#include <array>
#include <cstddef>

#include "absl/strings/string_view.h"

namespace postern {

// OctetSet is a set of octets, built at compile time, with a look-up in one
// step:
//
//   constexpr OctetSet kHex = OctetSet::Range('0', '9') | OctetSet("ABCDEF");
//   kHex.Has('A');  // true
class OctetSet {
 public:
  // The set of the octets in `octets`.
  constexpr explicit OctetSet(absl::string_view octets) {
    for (char c : octets) has_[static_cast<unsigned char>(c)] = true;
  }
  // The set from `first` to `last` inclusive, as unsigned octets.
  static constexpr OctetSet Range(char first, char last) {
    OctetSet set{absl::string_view()};
    for (size_t c = static_cast<unsigned char>(first);
         c <= static_cast<unsigned char>(last); ++c) {
      set.has_[c] = true;
    }
    return set;
  }

  // Returns whether the octet is in the set.
  constexpr bool Has(char c) const {
    return has_[static_cast<unsigned char>(c)];
  }

  // Returns the union.
  friend constexpr OctetSet operator|(OctetSet a, const OctetSet& b) {
    for (size_t c = 0; c < a.has_.size(); ++c) a.has_[c] |= b.has_[c];
    return a;
  }
  // Returns the octets of `a` that are not in `b`.
  friend constexpr OctetSet operator-(OctetSet a, const OctetSet& b) {
    for (size_t c = 0; c < a.has_.size(); ++c) a.has_[c] &= !b.has_[c];
    return a;
  }

 private:
  std::array<bool, 256> has_ = {};
};

}  // namespace postern

#endif  // POSTERN_ENGINE_GRAMMAR_OCTET_SET_H_
