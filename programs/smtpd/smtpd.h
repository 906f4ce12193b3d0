// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// postern-smtpd, wired together.

#ifndef POSTERN_PROGRAMS_SMTPD_SMTPD_H_
#define POSTERN_PROGRAMS_SMTPD_SMTPD_H_

#include "programs/smtpd/smtpd_options.h"
#include "programs/smtpd/smtpd_tls_hooks.h"

namespace postern::programs {

// Serves one session on descriptors 0 and 1, or goes on with the one that
// `options` hand over, and returns the exit code that
// qmail-smtpd has under tcpserver: 0 behind QUIT or an end of input between
// two messages, 1 for any other end, 100 for options that make no sense. A
// configuration that cannot be used is told to the client (421) and the log.
int RunSmtpd(const SmtpdOptions& options, const SmtpdTlsHooks& hooks);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_SMTPD_SMTPD_H_
