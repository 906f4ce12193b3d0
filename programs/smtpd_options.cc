// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/smtpd_options.h"

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace postern::programs {
namespace {

// djb's tools: wrong usage.
constexpr int kUsage = 100;

// CLI11's own CLI::Range and CLI::CheckedTransformer cost more to build than
// all the rest of an option, and every session would pay for them.
void CheckRange(const char* option, int64_t value, int64_t max) {
  if (value >= 1 && value <= max) return;
  throw CLI::ValidationError(option, "1 to " + std::to_string(max));
}

BareNewlines ParseBareNewlines(const std::string& mode) {
  if (mode == "reject") return BareNewlines::kReject;
  if (mode == "normalize") return BareNewlines::kNormalize;
  throw CLI::ValidationError("--bare-newlines", "reject or normalize");
}

}  // namespace

std::optional<SmtpdOptions> ReadSmtpdOptions(int argc, char** argv,
                                             int* exit_code) {
  SmtpdOptions options;
  std::string bare_newlines = "reject";
  // Not destroyed: a process that serves one session need not tidy up.
  auto& app = *new CLI::App(
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
      ->envname("POSTERN_MAX_RECIPIENTS");
  app.add_option("--max-errors", options.max_errors,
                 "refused commands before 421 and the end of the session")
      ->option_text("N [100]")
      ->envname("POSTERN_MAX_ERRORS");
  app.add_option("--session-timeout", options.session_timeout,
                 "longest session, in seconds")
      ->option_text("N [14400]")
      ->envname("POSTERN_SESSION_TIMEOUT");
  app.add_option("--bare-newlines", bare_newlines,
                 "a bare CR or LF in a message: reject it, or normalize it to\n"
                 "CRLF; neither ever ends a message")
      ->option_text("MODE [reject]")
      ->envname("POSTERN_BARE_NEWLINES");

  // A run script of a patched qmail-smtpd passes a checkpassword program here.
  // To ignore it would be to run a submission service that refuses everyone.
  std::vector<std::string> checker;
  app.add_option("HOST CHECKPASSWORD SUBPROGRAM", checker)->group("");

  try {
    app.parse(argc, argv);
    CheckRange("--max-recipients", options.max_recipients, 1000000);
    CheckRange("--max-errors", options.max_errors, 1000000);
    CheckRange("--session-timeout", options.session_timeout, 604800);
    options.bare_newlines = ParseBareNewlines(bare_newlines);
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
