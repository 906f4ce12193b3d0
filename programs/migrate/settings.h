// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Maps the settings of qmail-smtpd and its patches: variables of the
// environment, control files, and the configuration of spamdyke.

#ifndef POSTERN_PROGRAMS_MIGRATE_SETTINGS_H_
#define POSTERN_PROGRAMS_MIGRATE_SETTINGS_H_

#include <vector>

#include "absl/strings/string_view.h"
#include "programs/migrate/run_script.h"
#include "programs/migrate/setup.h"
#include "programs/migrate/site_files.h"

namespace postern::programs::migrate {

// Maps a variable that the server has for all clients. `keep` is set to whether
// the run script for postern-smtpd sets it.
void MapVariable(const Variable& variable, Setup* setup, bool* keep);

// Maps the files of the control directory.
void MapControlFiles(const SiteFiles& files, Setup* setup);

// Maps the variables of the rules that tcpserver reads with -x. Returns whether
// a rule may need the client's host name; true if the rules cannot be read.
bool MapRules(const Word& database, const SiteFiles& files, Setup* setup);

// Maps a setting of spamdyke to postern serve. For postern-smtpd, spamdyke
// stays.
void MapSpamdyke(absl::string_view key, const Word& value, Setup* setup);

}  // namespace postern::programs::migrate

#endif  // POSTERN_PROGRAMS_MIGRATE_SETTINGS_H_
