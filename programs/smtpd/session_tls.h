// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// How the session of postern-smtpd gets TLS: from a super-server, from another
// program, or from this program.

#ifndef POSTERN_PROGRAMS_SMTPD_SESSION_TLS_H_
#define POSTERN_PROGRAMS_SMTPD_SESSION_TLS_H_

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "engine/server_config.h"
#include "engine/session_info.h"
#include "engine/tls_info.h"
#include "net/descriptor_stream.h"
#include "programs/smtpd/smtpd_options.h"
#include "programs/smtpd/smtpd_tls_hooks.h"
#include "transports/stdio.h"
#include "transports/ucspi_tls.h"

namespace postern::programs {

class SessionTls {
 public:
  // `options` and `hooks` must outlive the object.
  SessionTls(const SmtpdOptions& options, const SmtpdTlsHooks& hooks);

  // Finds out who does TLS, in this order of precedence: --tls-wrapped,
  // --tls-outside, UCSPI-TLS, --tls-cert. If TLS comes first, requests it.
  // Removes the variables of UCSPI-TLS from the environment, because they have
  // no meaning for other programs. To be called once, before anything is read
  // or written. An error names the option or the variable.
  absl::Status Begin();

  // Returns whether text written to descriptor 1 reaches the client as it is,
  // or through TLS of another program. If not, nothing may be written there: a
  // client that expects TLS cannot read cleartext.
  bool cleartext() const { return cleartext_; }

  // Returns whether TLS comes before the first octet.
  bool first() const { return options_.tls_wrapped || outside_; }

  // Sets in `config` whether TLS is offered and required.
  void Configure(ServerConfig* config) const;
  // Sets the source of TLS, the state from a handoff, and the remaining session
  // timeout in `info` and `stdio`. This object and `stream` must outlive the
  // session.
  void Configure(net::DescriptorStream* stream, SessionInfo* info,
                 transports::StdioOptions* stdio);

 private:
  absl::Duration TimeLeft() const;

  const SmtpdOptions& options_;
  const SmtpdTlsHooks& hooks_;
  const uint64_t began_;  // as in Handoff::began
  std::optional<transports::UcspiTls> super_server_;
  std::optional<TlsInfo> outside_;  // the TLS parameters from --tls-outside
  bool cleartext_ = true;
};

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_SMTPD_SESSION_TLS_H_
