// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The differences between postern-smtpd and postern-smtpd-tls.

#ifndef POSTERN_PROGRAMS_SMTPD_SMTPD_TLS_HOOKS_H_
#define POSTERN_PROGRAMS_SMTPD_SMTPD_TLS_HOOKS_H_

#include <functional>
#include <memory>

#include "engine/session_observer.h"
#include "net/secure_channel.h"
#include "net/stream_channel.h"
#include "programs/smtpd/handoff.h"
#include "service/backends.h"

namespace postern::programs {

// postern-smtpd is static; postern-smtpd-tls has everything that a static
// program cannot have. Servers with certificates need both.
struct SmtpdTlsHooks {
  // Called when TLS is wanted: before the 220 to STARTTLS or, with null, before
  // the first octet (--tls-wrapped). Returns whether TLS is available; if not,
  // the reason is in the log. May not return, because another program can
  // continue the session.
  std::function<bool(const Handoff* handoff)> tls_asked;
  // StdioOptions::secure, called after tls_asked() has returned true.
  std::function<std::unique_ptr<net::SecureChannel>(net::StreamChannel* below)>
      secure;
  // Opens the backends of AUTH that need a library. Empty: this program has
  // none. If they are needed, tls_asked() is called with null, because the
  // other program has them as well.
  service::OpenBackend open_backend;
  // Returns the recorder of the session for --record, or null. Must outlive the
  // session. Empty: this program has none, and tls_asked() is called with null,
  // because the other program has it.
  std::function<SessionObserver*()> recorder;
};

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_SMTPD_SMTPD_TLS_HOOKS_H_
