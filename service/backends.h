// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The backends that --auth asks for.

#ifndef POSTERN_SERVICE_BACKENDS_H_
#define POSTERN_SERVICE_BACKENDS_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "auth/backend.h"
#include "service/auth_options.h"
#include "system/session_variables.h"

namespace postern::service {

// Opens a backend that needs a library: cdb and sasl. An error names the file,
// or what is wrong with the option's value.
using OpenBackend =
    std::function<absl::StatusOr<std::shared_ptr<auth::Backend>>(
        const AuthSpec& spec, const AuthOptions& options,
        const std::string& host_name)>;

// Whether the options ask for one that an OpenBackend opens.
bool NeedsLibraries(const AuthOptions& options);

// Whether they ask for one that runs a program.
bool RunsCheckers(const AuthOptions& options);

// Opens all of them, as one; null where there is none. What keeps them from
// telling right from wrong is written to the log. An error says which --auth it
// is about. `host_name` is who we are. `open` may be empty where the options
// are known not to need it. Programs find `environment` in theirs before the
// session's.
absl::StatusOr<std::shared_ptr<auth::Backend>> OpenBackends(
    const AuthOptions& options, const system::Variables& environment,
    const std::string& host_name, const OpenBackend& open);

}  // namespace postern::service

#endif  // POSTERN_SERVICE_BACKENDS_H_
