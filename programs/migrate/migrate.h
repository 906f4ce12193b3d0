// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// postern migrate: set-ups that replace a qmail-smtpd.

#ifndef POSTERN_PROGRAMS_MIGRATE_MIGRATE_H_
#define POSTERN_PROGRAMS_MIGRATE_MIGRATE_H_

namespace postern::programs {

// Runs the command with the arguments after "migrate". Returns the exit code: 0
// if everything maps or differs only as the table says, 1 if something is not
// supported or not understood, 100 after a mistake in the options, 111 if the
// script cannot be read. The result is on standard output, errors are on
// standard error. Nothing is executed and nothing is written.
int RunMigrate(int argc, const char* const* argv);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_MIGRATE_MIGRATE_H_
