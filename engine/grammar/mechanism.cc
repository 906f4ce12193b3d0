// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/grammar/mechanism.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/ascii.h"

namespace postern {

bool IsMechanism(absl::string_view name) {
  constexpr size_t kMaxName = 20;
  return !name.empty() && name.size() <= kMaxName &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return absl::ascii_isupper(c) || absl::ascii_isdigit(c) ||
                  c == '-' || c == '_';
         });
}

}  // namespace postern
