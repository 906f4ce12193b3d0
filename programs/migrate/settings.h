// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Maps the settings of qmail-smtpd and its patches: variables of the
// environment, control files, and the configuration of spamdyke.

#ifndef POSTERN_PROGRAMS_MIGRATE_SETTINGS_H_
#define POSTERN_PROGRAMS_MIGRATE_SETTINGS_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "programs/migrate/run_script.h"
#include "programs/migrate/setup.h"
#include "programs/migrate/site_files.h"

namespace postern::programs::migrate {

// Completes setup->facts by the variables that the server has for all clients,
// and by the control files. Call it after the chain of programs, and before the
// functions below.
void CollectFacts(const std::vector<Variable>& variables,
                  const SiteFiles& files, Setup* setup);

// Maps a variable that the server has for all clients. `keep` is set to whether
// the run script for postern-smtpd sets it. A value that is not known is kept
// and ends the new scripts.
void MapVariable(const Variable& variable, Setup* setup, bool* keep);

// Returns whether a value of the variable `name` makes the old server require
// AUTH or TLS.
bool MayRequire(absl::string_view name);

// Maps that the server does not have the variable `name`, which `what` takes
// away from all clients. Rules may set it.
void MapRemoval(absl::string_view name, const std::string& what,
                const Word& where, Setup* setup);

// Maps the files of the control directory.
void MapControlFiles(const SiteFiles& files, Setup* setup);

// Maps the variables of the rules that tcpserver reads with -x. Returns whether
// a rule may need the client's host name; true if the rules cannot be read.
// `relays`: RELAYCLIENT is set for all clients.
bool MapRules(const Word& database, const SiteFiles& files, bool relays,
              Setup* setup);

// Maps a setting of spamdyke to postern serve. For postern-smtpd, spamdyke
// stays.
void MapSpamdyke(absl::string_view key, const Word& value, Setup* setup);

}  // namespace postern::programs::migrate

#endif  // POSTERN_PROGRAMS_MIGRATE_SETTINGS_H_
