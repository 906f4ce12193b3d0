// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/forward/hop_security.h"

#include "absl/strings/str_cat.h"

namespace postern::delivery {

std::string HopSecurity::version() const {
  if (tls == nullptr && account == nullptr) return "";
  return absl::StrCat(tls == nullptr ? "" : tls->version(), " ",
                      account == nullptr ? "" : account->version());
}

}  // namespace postern::delivery
