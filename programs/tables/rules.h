// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The command "postern rules", which makes, prints and tests tcpserver's rules.

#ifndef POSTERN_PROGRAMS_TABLES_RULES_H_
#define POSTERN_PROGRAMS_TABLES_RULES_H_

namespace postern::programs {

// Runs the command with the arguments after "rules", as described in
// postern-rules(8). Returns the exit code.
int RunRules(int argc, const char* const* argv);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_TABLES_RULES_H_
