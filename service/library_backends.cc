// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "service/library_backends.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "auth/sasl_backend.h"
#include "auth/sasl_library.h"
#include "auth/user_table.h"
#include "auth/users_backend.h"
#include "log/report.h"

namespace postern::service {
namespace {

// Returns why the user file of `spec` cannot be used, or OK if it has none.
absl::Status CheckUserFile(const AuthSpec& spec, const AuthOptions& options) {
  switch (spec.kind) {
    case AuthSpec::Kind::kCheckpassword:
    case AuthSpec::Kind::kOauth:
      break;
    case AuthSpec::Kind::kCdb:
      return auth::UserTable::Open(auth::UserTablePath(spec.file)).status();
    case AuthSpec::Kind::kSasl: {
      // The library is already started with this directory; Start() returns it.
      const auto library = auth::SaslLibrary::Start(options.sasl_config,
                                                    log::ReportToLog("auth"));
      return library.ok() ? (*library)->CheckUserFileAtStart()
                          : library.status();
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::shared_ptr<auth::Backend>> OpenLibraryBackend(
    const AuthSpec& spec, const AuthOptions& options,
    const std::string& host_name) {
  switch (spec.kind) {
    case AuthSpec::Kind::kCheckpassword:
    case AuthSpec::Kind::kOauth:
      break;
    case AuthSpec::Kind::kCdb:
      return auth::UsersBackend::Open(
          spec.file, log::ReportToLog("auth"),
          {.ignore_authorization_identity = options.ignore_authzid});
    case AuthSpec::Kind::kSasl:
      return auth::SaslBackend::Open({.config_dir = options.sasl_config,
                                      .host_name = host_name,
                                      .realms = options.sasl_realms,
                                      .report = log::ReportToLog("auth")});
  }
  return absl::UnimplementedError("this backend needs no library");
}

std::vector<absl::Status> CheckUserFiles(const AuthOptions& options) {
  std::vector<absl::Status> errors;
  for (const AuthSpec& spec : options.specs) {
    const absl::Status status = CheckUserFile(spec, options);
    if (status.ok()) continue;
    errors.emplace_back(
        status.code(),
        absl::StrCat("--auth ", spec.text, ": ", status.message(),
                     absl::IsPermissionDenied(status)
                         ? "; let the group of the user of --user read it "
                           "(chgrp GROUP FILE, chmod 640 FILE)"
                         : ""));
  }
  return errors;
}

}  // namespace postern::service
