// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The command "postern hosts", which makes databases for the directory of
// control files.

#ifndef POSTERN_PROGRAMS_TABLES_HOSTS_H_
#define POSTERN_PROGRAMS_TABLES_HOSTS_H_

namespace postern::programs {

// Runs the command with the arguments after "hosts", as described in
// postern-hosts(8). Returns the exit code.
int RunHosts(int argc, const char* const* argv);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_TABLES_HOSTS_H_
