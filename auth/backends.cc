// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/backends.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace postern::auth {

absl::StatusOr<std::shared_ptr<Backends>> Backends::Make(
    std::vector<std::shared_ptr<Backend>> backends) {
  std::shared_ptr<Backends> result(new Backends);
  for (const std::shared_ptr<Backend>& backend : backends) {
    for (Mechanism& mechanism : backend->mechanisms()) {
      if (!result->by_name_.emplace(mechanism.name, backend).second) {
        return absl::InvalidArgumentError(
            absl::StrCat("two backends offer AUTH ", mechanism.name));
      }
      result->mechanisms_.push_back(std::move(mechanism));
    }
  }
  return result;
}

std::unique_ptr<AuthExchange> Backends::Begin(
    absl::string_view mechanism, const SharedSessionInfo& session) {
  const auto it = by_name_.find(mechanism);
  return it == by_name_.end() ? nullptr : it->second->Begin(mechanism, session);
}

}  // namespace postern::auth
