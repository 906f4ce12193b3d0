// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/rules_file.h"

#include "absl/status/status.h"

namespace postern::programs {

absl::StatusOr<std::shared_ptr<const policy::TcpRules>> RulesFile::Get() {
  auto rules = rules_.Get();
  if (absl::IsNotFound(rules.status()) && optional_) return nullptr;
  return rules;
}

}  // namespace postern::programs
