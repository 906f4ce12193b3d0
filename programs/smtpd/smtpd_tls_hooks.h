// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What one postern-smtpd has and another has not.

#ifndef POSTERN_PROGRAMS_SMTPD_SMTPD_TLS_HOOKS_H_
#define POSTERN_PROGRAMS_SMTPD_SMTPD_TLS_HOOKS_H_

#include <functional>
#include <memory>

#include "net/secure_channel.h"
#include "net/stream_channel.h"
#include "programs/smtpd/handover.h"
#include "service/backends.h"

namespace postern::programs {

// What differs between postern-smtpd, which is static, and postern-smtpd-tls,
// which has what a static program cannot have. Both are needed where there are
// certificates.
struct SmtpdTlsHooks {
  // Hears that TLS is wanted, before the 220 to STARTTLS or, with null, before
  // the first byte (--tls-wrapped); returns whether it can be had, and says in
  // the log why not. It need not return: another program can take over.
  std::function<bool(const Handover* handover)> tls_asked;
  // StdioOptions::secure, behind a tls_asked() that has said true.
  std::function<std::unique_ptr<net::SecureChannel>(net::StreamChannel* below)>
      secure;
  // Opens the backends of AUTH that need a library. Empty: this program has
  // none, and tls_asked() is called with null where they are needed, since the
  // other program has them too.
  service::OpenBackend open_backend;
};

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_SMTPD_SMTPD_TLS_HOOKS_H_
