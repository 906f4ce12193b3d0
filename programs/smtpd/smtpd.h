// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The main part of postern-smtpd.

#ifndef POSTERN_PROGRAMS_SMTPD_SMTPD_H_
#define POSTERN_PROGRAMS_SMTPD_SMTPD_H_

#include "programs/smtpd/smtpd_options.h"
#include "programs/smtpd/smtpd_tls_hooks.h"

namespace postern::programs {

// Serves one session on descriptors 0 and 1, or continues the session in
// `options.handoff`. Returns qmail-smtpd's exit code under tcpserver: 0 after
// QUIT or an end of input between two messages, 1 for any other end, 100 for
// invalid options. If the configuration cannot be used, the client gets a 421
// and the log has the reason.
int RunSmtpd(const SmtpdOptions& options, const SmtpdTlsHooks& hooks);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_SMTPD_SMTPD_H_
