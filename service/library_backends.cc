// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "service/library_backends.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "auth/sasl_backend.h"
#include "auth/user_table.h"
#include "auth/users_backend.h"
#include "log/log.h"

namespace postern::service {
namespace {

void ReportAuth(absl::string_view what) { log::WriteLog("auth", what); }

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
          spec.file, ReportAuth,
          {.ignore_authorization_identity = options.ignore_authzid});
    case AuthSpec::Kind::kSasl:
      return auth::SaslBackend::Open({.config_dir = options.sasl_config,
                                      .host_name = host_name,
                                      .realms = options.sasl_realms,
                                      .report = ReportAuth});
  }
  return absl::UnimplementedError("needs no library");
}

absl::Status CheckUserFiles(const AuthOptions& options) {
  for (const AuthSpec& spec : options.specs) {
    if (spec.kind != AuthSpec::Kind::kCdb) continue;
    const std::string path = auth::UserTablePath(spec.file);
    const absl::Status status = auth::UserTable::Open(path).status();
    if (status.ok()) continue;
    return absl::Status(
        status.code(),
        absl::StrCat("--auth ", spec.text, ": ", status.message(),
                     absl::IsPermissionDenied(status)
                         ? absl::StrCat(": let the group of the user of --user "
                                        "read it: chgrp GROUP ",
                                        path, "; chmod 640 ", path)
                         : ""));
  }
  return absl::OkStatus();
}

}  // namespace postern::service
