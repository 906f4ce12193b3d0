// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The command line of postern-smtpd.

#ifndef POSTERN_PROGRAMS_SMTPD_OPTIONS_H_
#define POSTERN_PROGRAMS_SMTPD_OPTIONS_H_

#include <optional>
#include <string>

#include "engine/server_config.h"

namespace postern::programs {

struct SmtpdOptions {
  std::string control = "/var/qmail/control";
  std::string deliver = "qmail-queue";
  bool open_relay = false;
  // Each limit is far above what a mail server does and below what an attack
  // needs; qmail-smtpd has none of them.
  int max_recipients = 10000;
  int max_errors = 100;
  int session_timeout = 4 * 60 * 60;  // seconds
  BareNewlines bare_newlines = BareNewlines::kReject;
  int greet_delay = 0;  // seconds
  OutOfTurn pipelining = OutOfTurn::kNote;
};

// Reads the command line, --config FILE and POSTERN_... variables, in falling
// precedence. Returns nullopt when the program is to end with `*exit_code`: 0
// behind --help and --version, 100 behind an error, which is on standard error
// and names the option, or the file and key.
std::optional<SmtpdOptions> ReadSmtpdOptions(int argc, char** argv,
                                             int* exit_code);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_SMTPD_OPTIONS_H_
