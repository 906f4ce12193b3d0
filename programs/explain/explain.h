// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// postern explain: why a server accepts or refuses mail.

#ifndef POSTERN_PROGRAMS_EXPLAIN_EXPLAIN_H_
#define POSTERN_PROGRAMS_EXPLAIN_EXPLAIN_H_

namespace postern::programs {

// Runs the command with the arguments after "explain". Returns the exit code: 0
// if all recipients are accepted, 1 if something is refused, 100 after a
// mistake in the options, 111 if the configuration cannot be read. The
// explanation is on standard output, errors are on standard error.
int RunExplain(int argc, const char* const* argv);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_EXPLAIN_EXPLAIN_H_
