// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The backends of AUTH that need a library: Cyrus SASL, and OpenSSL for files
// of users. A static program cannot use them.

#ifndef POSTERN_SERVICE_LIBRARY_BACKENDS_H_
#define POSTERN_SERVICE_LIBRARY_BACKENDS_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "auth/backend.h"
#include "service/auth_options.h"

namespace postern::service {

// An OpenBackend (service/backends.h).
absl::StatusOr<std::shared_ptr<auth::Backend>> OpenLibraryBackend(
    const AuthSpec& spec, const AuthOptions& options,
    const std::string& host_name);

// Returns an error for each user file of the options that this process cannot
// read. The files are read again when they change, as the user of --user, and
// then every login would be an outage.
std::vector<absl::Status> CheckUserFiles(const AuthOptions& options);

}  // namespace postern::service

#endif  // POSTERN_SERVICE_LIBRARY_BACKENDS_H_
