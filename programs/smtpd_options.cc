// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/smtpd_options.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "programs/config_file.h"

namespace postern::programs {
namespace {

// djb's tools: wrong usage.
constexpr int kUsage = 100;

// CLI11's own numbers may be octal, and its CLI::Range and
// CLI::CheckedTransformer cost more to build than all the rest of an option,
// which every session would pay for.
int ParseNumber(const char* option, const std::string& text, int min, int max) {
  int value = 0;
  if (absl::SimpleAtoi(text, &value) && value >= min && value <= max) {
    return value;
  }
  throw CLI::ValidationError(option, absl::StrCat(min, " to ", max));
}

BareNewlines ParseBareNewlines(const std::string& mode) {
  if (mode == "reject") return BareNewlines::kReject;
  if (mode == "normalize") return BareNewlines::kNormalize;
  throw CLI::ValidationError("--bare-newlines", "reject or normalize");
}

OutOfTurn ParseOutOfTurn(const std::string& mode) {
  if (mode == "note") return OutOfTurn::kNote;
  if (mode == "reject") return OutOfTurn::kReject;
  throw CLI::ValidationError("--pipelining", "note or reject");
}

}  // namespace

std::optional<SmtpdOptions> ReadSmtpdOptions(int argc, char** argv,
                                             int* exit_code) {
  SmtpdOptions options;
  std::string max_recipients = absl::StrCat(options.max_recipients);
  std::string max_errors = absl::StrCat(options.max_errors);
  std::string session_timeout = absl::StrCat(options.session_timeout);
  std::string bare_newlines = "reject";
  std::string greet_delay = "0";
  std::string pipelining = "note";
  // Not destroyed: a process that serves one session need not tidy up.
  auto& app = *new CLI::App(
      "postern-smtpd receives mail by SMTP on descriptors 0 and 1, under\n"
      "tcpserver or another UCSPI super-server, in the place of qmail-smtpd.\n",
      "postern-smtpd");
  app.set_version_flag("--version", "postern-smtpd 0.1");
  app.set_config("--config", "", "read options from FILE, as key=value lines")
      ->option_text("FILE");
  app.config_formatter(std::make_shared<ConfigFile>());
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
      ->option_text(" ")
      ->envname("POSTERN_OPEN_RELAY");
  app.add_option("--max-recipients", max_recipients,
                 "recipients of a message; 452 beyond")
      ->option_text("N [10000]")
      ->envname("POSTERN_MAX_RECIPIENTS");
  app.add_option("--max-errors", max_errors,
                 "refused commands before 421 and the end of the session")
      ->option_text("N [100]")
      ->envname("POSTERN_MAX_ERRORS");
  app.add_option("--session-timeout", session_timeout,
                 "longest session, in seconds")
      ->option_text("N [14400]")
      ->envname("POSTERN_SESSION_TIMEOUT");
  app.add_option("--bare-newlines", bare_newlines,
                 "a bare CR or LF in a message: reject it, or normalize it to\n"
                 "CRLF; neither ever ends a message")
      ->option_text("MODE [reject]")
      ->envname("POSTERN_BARE_NEWLINES");
  app.add_option("--greet-delay", greet_delay,
                 "seconds before the greeting in which a client that speaks\n"
                 "is refused; 0: greet at once")
      ->option_text("N [0]")
      ->envname("POSTERN_GREET_DELAY");
  app.add_option("--pipelining", pipelining,
                 "a client that does not wait for a reply it needs: note it\n"
                 "(nothing happens), or reject it")
      ->option_text("MODE [note]")
      ->envname("POSTERN_PIPELINING");

  // A run script of a patched qmail-smtpd passes a checkpassword program here.
  // To ignore it would be to run a submission service that refuses everyone.
  std::vector<std::string> checker;
  app.add_option("HOST CHECKPASSWORD SUBPROGRAM", checker)->group("");

  try {
    app.parse(argc, argv);
    options.max_recipients =
        ParseNumber("--max-recipients", max_recipients, 1, 1000000);
    options.max_errors = ParseNumber("--max-errors", max_errors, 1, 1000000);
    options.session_timeout =
        ParseNumber("--session-timeout", session_timeout, 1, 7 * 24 * 60 * 60);
    options.bare_newlines = ParseBareNewlines(bare_newlines);
    options.greet_delay = ParseNumber("--greet-delay", greet_delay, 0, 60);
    options.pipelining = ParseOutOfTurn(pipelining);
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
