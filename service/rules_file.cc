// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "service/rules_file.h"

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "log/log.h"

namespace postern::service {
namespace {

absl::StatusOr<policy::TcpRules> Open(const std::string& path, bool host_names,
                                      bool warned) {
  absl::StatusOr<policy::TcpRules> rules = policy::TcpRules::Open(path);
  if (!rules.ok() || warned) return rules;
  const log::LogScope scope({});  // the warnings belong to no session
  const auto warnings = rules->Check(host_names);
  if (!warnings.ok()) {
    log::WriteLog("warning", warnings.status().message());
    return rules;
  }
  for (const std::string& warning : *warnings)
    log::WriteLog("warning", warning);
  return rules;
}

}  // namespace

RulesFile::RulesFile(std::string path, bool optional, bool host_names,
                     bool warned)
    : rules_(std::move(path),
             [host_names, warned](const std::string& name) mutable {
               return Open(name, host_names, std::exchange(warned, false));
             }),
      optional_(optional) {}

absl::StatusOr<std::shared_ptr<const policy::TcpRules>> RulesFile::Get() {
  auto rules = rules_.Get();
  if (absl::IsNotFound(rules.status()) && optional_) return nullptr;
  return rules;
}

}  // namespace postern::service
