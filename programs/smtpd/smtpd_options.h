// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The command line of postern-smtpd.

#ifndef POSTERN_PROGRAMS_SMTPD_SMTPD_OPTIONS_H_
#define POSTERN_PROGRAMS_SMTPD_SMTPD_OPTIONS_H_

#include <optional>

#include "absl/strings/string_view.h"
#include "programs/smtpd/handover.h"
#include "service/certificate_options.h"
#include "service/mail_options.h"

namespace postern::programs {

// The option that hands a session over, which is no user's: its value is the
// descriptor that StoreHandover() has returned.
inline constexpr absl::string_view kHandoverOption = "handover";

// Each limit is far above what a mail server does and below what an attack
// needs; qmail-smtpd has none of them.
struct SmtpdOptions : service::MailOptions, service::CertificateOptions {
  SmtpdOptions() {
    max_recipients = 10000;
    max_errors = 100;
    databytes = 0;
  }

  bool submission = false;   // 530 before AUTH
  bool tls_wrapped = false;  // from the first byte
  bool tls_outside = false;  // the same, by the super-server
  bool require_tls = false;  // 530 before it
  // From another program that has served the session so far; absent: begin it.
  std::optional<Handover> handover;
};

// Reads the command line, --config FILE and POSTERN_... variables, in falling
// precedence. Returns nullopt when the program is to end with `*exit_code`: 0
// behind --help and --version, 100 behind an error, which is on standard error
// and names the option, or the file and key.
std::optional<SmtpdOptions> ReadSmtpdOptions(int argc, char** argv,
                                             int* exit_code);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_SMTPD_SMTPD_OPTIONS_H_
