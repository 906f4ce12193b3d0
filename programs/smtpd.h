// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// postern-smtpd, wired together.

#ifndef POSTERN_PROGRAMS_SMTPD_H_
#define POSTERN_PROGRAMS_SMTPD_H_

#include <functional>
#include <memory>

#include "programs/backends.h"
#include "programs/handover.h"
#include "programs/smtpd_options.h"
#include "transports/secure_channel.h"
#include "transports/stream_channel.h"

namespace postern::programs {

// What differs between postern-smtpd, which is static, and postern-smtpd-tls,
// which has what a static program cannot have. Both are needed where there are
// certificates.
struct SmtpdExtras {
  // Hears that TLS is wanted, before the 220 to STARTTLS or, with null, before
  // the first byte (--tls-wrapped); returns whether it can be had, and says in
  // the log why not. It need not return: another program can take over.
  std::function<bool(const Handover* handover)> tls_asked;
  // StdioOptions::secure, behind a tls_asked() that has said true.
  std::function<std::unique_ptr<transports::SecureChannel>(
      transports::StreamChannel* below)>
      secure;
  // Opens the backends of AUTH that need a library; empty: this program has
  // none, and tls_asked() is called with null where they are needed.
  OpenBackend open_backend;
};

// Serves one session on descriptors 0 and 1, or goes on with the one that
// `options` hand over, and returns the exit code that
// qmail-smtpd has under tcpserver: 0 behind QUIT or an end of input between
// two messages, 1 for any other end, 100 for options that make no sense. A
// configuration that cannot be used is told to the client (421) and the log.
int RunSmtpd(const SmtpdOptions& options, const SmtpdExtras& extras);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_SMTPD_H_
