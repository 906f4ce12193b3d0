// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Opens the backends that the --auth options name.

#ifndef POSTERN_SERVICE_BACKENDS_H_
#define POSTERN_SERVICE_BACKENDS_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "auth/backend.h"
#include "service/auth_options.h"
#include "system/session_variables.h"

namespace postern::service {

// Opens a backend that needs a library: cdb or sasl. An error names the file or
// explains what is wrong with the value of the option.
using OpenBackend =
    std::function<absl::StatusOr<std::shared_ptr<auth::Backend>>(
        const AuthSpec& spec, const AuthOptions& options,
        const std::string& host_name)>;

// Returns whether one of the options needs an OpenBackend.
bool NeedsLibraries(const AuthOptions& options);

// Returns whether one of the options runs a checkpassword program.
bool RunsCheckers(const AuthOptions& options);

// Opens all backends as one backend. Returns null if there is none. Failures
// that prevent a backend from checking credentials go to the log. An error
// names its --auth. Returns the first one. Adds all to `errors`, if it is not
// null. `host_name` is the name of this host. `open` may be empty
// if NeedsLibraries() is false. The environment of programs contains
// `environment`, followed by the variables of the session.
absl::StatusOr<std::shared_ptr<auth::Backend>> OpenBackends(
    const AuthOptions& options, const system::Variables& environment,
    const std::string& host_name, const OpenBackend& open,
    std::vector<absl::Status>* errors = nullptr);

}  // namespace postern::service

#endif  // POSTERN_SERVICE_BACKENDS_H_
