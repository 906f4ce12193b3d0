// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "service/backends.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "auth/backends.h"
#include "auth/bearer_backend.h"
#include "auth/checkpassword.h"
#include "auth/token_command.h"
#include "log/report.h"

namespace postern::service {
bool NeedsLibraries(const AuthOptions& options) {
  return std::any_of(options.specs.begin(), options.specs.end(),
                     [](const AuthSpec& spec) {
                       return spec.kind == AuthSpec::Kind::kCdb ||
                              spec.kind == AuthSpec::Kind::kSasl;
                     });
}

bool RunsCheckers(const AuthOptions& options) {
  return std::any_of(options.specs.begin(), options.specs.end(),
                     [](const AuthSpec& spec) {
                       return spec.kind == AuthSpec::Kind::kCheckpassword;
                     });
}

absl::StatusOr<std::shared_ptr<auth::Backend>> OpenBackends(
    const AuthOptions& options, const system::Variables& environment,
    const std::string& host_name, const OpenBackend& open,
    std::vector<absl::Status>* errors) {
  absl::Status first;
  std::vector<std::shared_ptr<auth::Backend>> backends;
  for (const AuthSpec& spec : options.specs) {
    if (spec.kind == AuthSpec::Kind::kCheckpassword) {
      backends.push_back(std::make_shared<auth::CheckpasswordBackend>(
          auth::CheckpasswordOptions{
              .command = spec.command,
              .cram_md5 = options.cram_md5,
              .host = spec.host.empty() ? host_name : spec.host,
              .ignore_authorization_identity = options.ignore_authzid,
              .environment = environment,
              .report = log::ReportToLog("auth")}));
      continue;
    }
    if (spec.kind == AuthSpec::Kind::kOauth) {
      backends.push_back(std::make_shared<auth::BearerBackend>(
          std::make_unique<auth::TokenCommand>(
              auth::TokenCommandOptions{.command = spec.command,
                                        .environment = environment,
                                        .report = log::ReportToLog("auth")})));
      continue;
    }
    auto backend = open ? open(spec, options, host_name)
                        : absl::UnimplementedError("not in this program");
    if (!backend.ok()) {
      const absl::Status status(
          backend.status().code(),
          absl::StrCat("--auth ", spec.text, ": ", backend.status().message()));
      first.Update(status);
      if (errors == nullptr) return first;
      errors->push_back(status);
      continue;
    }
    backends.push_back(*std::move(backend));
  }
  if (!first.ok()) return first;
  if (backends.empty()) return nullptr;
  auto all = auth::Backends::Make(std::move(backends));
  if (!all.ok()) {
    first = absl::InvalidArgumentError(
        absl::StrCat("--auth: ", all.status().message()));
    if (errors != nullptr) errors->push_back(first);
    return first;
  }
  return *std::move(all);
}

}  // namespace postern::service
