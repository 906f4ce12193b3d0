// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// How the session of postern-smtpd comes to TLS: by a super-server that does
// it, by another program, or by its own.

#ifndef POSTERN_PROGRAMS_SMTPD_SESSION_TLS_H_
#define POSTERN_PROGRAMS_SMTPD_SESSION_TLS_H_

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "engine/event.h"
#include "engine/server_config.h"
#include "engine/session_info.h"
#include "net/descriptor_stream.h"
#include "programs/smtpd/smtpd_options.h"
#include "programs/smtpd/smtpd_tls_hooks.h"
#include "transports/stdio.h"
#include "transports/ucspi_tls.h"

namespace postern::programs {

class SessionTls {
 public:
  // Both must outlive it.
  SessionTls(const SmtpdOptions& options, const SmtpdTlsHooks& hooks);

  // To be called once, before anything is read or written: finds out who does
  // TLS, and has it asked for where it comes first. In the order of what counts
  // more: --tls-wrapped, --tls-outside, UCSPI-TLS, --tls-cert. Takes the
  // variables of UCSPI-TLS out of the environment: they mean nothing to other
  // programs. An error names the option or the variable.
  absl::Status Begin();

  // Whether what is written to descriptor 1 reaches the client as it is, or
  // through somebody else's TLS: a word said in the clear to a client that
  // expects TLS is noise.
  bool in_clear() const { return in_clear_; }

  // Whether TLS comes before the first byte.
  bool first() const { return options_.tls_wrapped || outside_; }

  // Puts offer and insistence into `config`.
  void Configure(ServerConfig* config) const;
  // Puts how TLS comes, what was handed over, and the time that is left into
  // both. This and `stream` must outlive the session.
  void Configure(net::DescriptorStream* stream, SessionInfo* info,
                 transports::StdioOptions* stdio);

 private:
  absl::Duration TimeLeft() const;

  const SmtpdOptions& options_;
  const SmtpdTlsHooks& hooks_;
  const uint64_t began_;  // as Handover::began
  std::optional<transports::UcspiTls> super_server_;
  std::optional<TlsInfo> outside_;  // what --tls-outside has come to
  bool in_clear_ = true;
};

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_SMTPD_SESSION_TLS_H_
