// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The command line of postern-smtpd.

#ifndef POSTERN_PROGRAMS_SMTPD_SMTPD_OPTIONS_H_
#define POSTERN_PROGRAMS_SMTPD_SMTPD_OPTIONS_H_

#include <optional>

#include "absl/strings/string_view.h"
#include "programs/smtpd/handoff.h"
#include "service/certificate_options.h"
#include "service/mail_options.h"

namespace postern::programs {

// The internal option for a handoff. Its value is the descriptor from
// StoreHandoff().
inline constexpr absl::string_view kHandoffOption = "handoff";

// The rows of the options in smtpd_options.cc have the other defaults. Each
// limit is far above the needs of a mail server and below the needs of an
// attack. qmail-smtpd has none of them.
struct SmtpdOptions : service::MailOptions, service::CertificateOptions {
  SmtpdOptions() { databytes = 0; }

  bool submission = false;   // 530 before AUTH
  bool tls_wrapped = false;  // from the first byte
  bool tls_outside = false;  // TLS from the first byte, by the super-server
  bool require_tls = false;  // 530 before STARTTLS
  // The state of the session from another program. Absent: a new session.
  std::optional<Handoff> handoff;
};

// Reads the command line, the file of --config and the variables POSTERN_...,
// in this order of precedence. Returns nullopt if the program must end with
// `*exit_code`: 0 after --help and --version, 100 after an error. The error is
// on standard error and names the option, or the file and line.
std::optional<SmtpdOptions> ReadSmtpdOptions(int argc, char** argv,
                                             int* exit_code);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_SMTPD_SMTPD_OPTIONS_H_
