// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Follows a chain of programs from the super-server to qmail-smtpd, and maps
// it, the environment and the control files.

#ifndef POSTERN_PROGRAMS_MIGRATE_CHAIN_H_
#define POSTERN_PROGRAMS_MIGRATE_CHAIN_H_

#include "absl/strings/string_view.h"
#include "programs/migrate/run_script.h"
#include "programs/migrate/setup.h"
#include "programs/migrate/site_files.h"
#include "programs/migrate/super_server.h"

namespace postern::programs::migrate {

// Returns whether a command that begins with the program `name` (without its
// directory) may start a server.
bool IsChainProgram(absl::string_view name);

// Maps a command of a run script. `service` is the service of inetd or xinetd
// that has the command, or null.
Setup MapServer(const ServerCommand& command, const SuperService* service,
                const SiteFiles& files);

}  // namespace postern::programs::migrate

#endif  // POSTERN_PROGRAMS_MIGRATE_CHAIN_H_
