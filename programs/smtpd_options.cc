// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/smtpd_options.h"

#include <CLI/CLI.hpp>
#include <map>
#include <vector>

namespace postern::programs {
namespace {

// djb's tools: wrong usage.
constexpr int kUsage = 100;

}  // namespace

std::optional<SmtpdOptions> ReadSmtpdOptions(int argc, char** argv,
                                             int* exit_code) {
  SmtpdOptions options;
  CLI::App app(
      "postern-smtpd receives mail by SMTP on descriptors 0 and 1, under\n"
      "tcpserver or another UCSPI super-server, in the place of qmail-smtpd.\n",
      "postern-smtpd");
  app.set_version_flag("--version", "postern-smtpd 0.1");
  app.set_config("--config", "", "read options from FILE, as key=value lines")
      ->option_text("FILE");
  app.allow_config_extras(CLI::config_extras_mode::error);
  app.get_formatter()->column_width(34);
  app.footer(
      "Each option is also a line of --config FILE (control=/etc/postern) and\n"
      "an environment variable (POSTERN_CONTROL). See postern-smtpd(8).");

  app.add_option("--control", options.control, "qmail's control directory")
      ->option_text("DIR [/var/qmail/control]")
      ->envname("POSTERN_CONTROL");
  app.add_option("--deliver", options.deliver,
                 "maildir:DIR (%u and %d in DIR: the recipient's local part\n"
                 "and domain), qmail-queue, qmail-queue:PROGRAM, or discard")
      ->option_text("SPEC [qmail-queue]")
      ->envname("POSTERN_DELIVER");
  app.add_flag("--open-relay", options.open_relay,
               "serve without control/rcpthosts: anyone may send anywhere")
      ->envname("POSTERN_OPEN_RELAY");
  app.add_option("--max-recipients", options.max_recipients,
                 "recipients of a message; 452 beyond")
      ->option_text("N [10000]")
      ->check(CLI::Range(size_t{1}, size_t{1000000}))
      ->envname("POSTERN_MAX_RECIPIENTS");
  app.add_option("--max-errors", options.max_errors,
                 "refused commands before 421 and the end of the session")
      ->option_text("N [100]")
      ->check(CLI::Range(1, 1000000))
      ->envname("POSTERN_MAX_ERRORS");
  app.add_option("--session-timeout", options.session_timeout,
                 "longest session, in seconds")
      ->option_text("N [14400]")
      ->check(CLI::Range(1, 7 * 24 * 60 * 60))
      ->envname("POSTERN_SESSION_TIMEOUT");
  static const auto* const kModes = new std::map<std::string, BareNewlines>{
      {"reject", BareNewlines::kReject},
      {"normalize", BareNewlines::kNormalize}};
  app.add_option("--bare-newlines", options.bare_newlines,
                 "a bare CR or LF in a message: reject it, or normalize it to\n"
                 "CRLF; neither ever ends a message")
      ->option_text("MODE [reject]")
      ->transform(CLI::CheckedTransformer(*kModes))
      ->envname("POSTERN_BARE_NEWLINES");

  // A run script of a patched qmail-smtpd passes a checkpassword program here.
  // To ignore it would be to run a submission service that refuses everyone.
  std::vector<std::string> checker;
  app.add_option("HOST CHECKPASSWORD SUBPROGRAM", checker)->group("");

  try {
    app.parse(argc, argv);
    if (!checker.empty()) {
      throw CLI::ExtrasError("postern-smtpd (AUTH is not built in)", checker);
    }
  } catch (const CLI::ParseError& error) {
    *exit_code = app.exit(error) == 0 ? 0 : kUsage;
    return std::nullopt;
  }
  return options;
}

}  // namespace postern::programs
