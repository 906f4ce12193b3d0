// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/smtpd_options.h"

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "programs/options.h"

namespace postern::programs {
namespace {

// djb's tools: wrong usage.
constexpr int kUsage = 100;

constexpr OptionRow kRows[] = {
    {"help", "", "print this, and end", OptionRow::From::kCommandLine},
    {"version", "", "print the version, and end",
     OptionRow::From::kCommandLine},
    {"config", "FILE", "read options from FILE, as name=value lines",
     OptionRow::From::kCommandLine},
    {"control", "DIR [/var/qmail/control]", "qmail's control directory"},
    {"deliver", "SPEC [qmail-queue]",
     "qmail-queue, qmail-queue:PROGRAM, maildir:DIR\n"
     "(%u and %d in DIR: the recipient's local part\n"
     "and domain), or discard"},
    {"open-relay", "",
     "serve without control/rcpthosts: anyone may\n"
     "send anywhere"},
    {"max-recipients", "N [10000]", "recipients of a message; 452 beyond"},
    {"max-errors", "N [100]",
     "refused commands before 421 and the end of the\n"
     "session"},
    {"session-timeout", "N [14400]", "longest session, in seconds"},
    {"bare-newlines", "MODE [reject]",
     "a bare CR or LF in a message: reject it, or\n"
     "normalize it to CRLF; neither ever ends a\n"
     "message"},
    {"greet-delay", "N [0]",
     "seconds before the greeting in which a client\n"
     "that speaks is refused; 0: greet at once"},
    {"pipelining", "MODE [note]",
     "a client that does not wait for a reply it\n"
     "needs: note it (nothing happens), or reject it"},
};

constexpr char kHead[] =
    "Usage: postern-smtpd [OPTION]...\n"
    "\n"
    "Receives mail by SMTP on descriptors 0 and 1, under tcpserver or another\n"
    "UCSPI super-server, in the place of qmail-smtpd.\n"
    "\n";
constexpr char kFoot[] =
    "\n"
    "Each option is also a line of --config FILE (control=/etc/postern) and "
    "an\n"
    "environment variable (POSTERN_CONTROL). See postern-smtpd(8).\n";

}  // namespace

std::optional<SmtpdOptions> ReadSmtpdOptions(int argc, char** argv,
                                             int* exit_code) {
  Options given(kRows);
  if (argc > 0) {
    given.Read({argv + 1, static_cast<size_t>(argc - 1)}, getenv);
  }
  *exit_code = 0;
  if (given.AnswerHelp("postern-smtpd", kHead, kFoot)) return std::nullopt;
  SmtpdOptions options;
  options.control = given.Text("control", options.control);
  options.deliver = given.Text("deliver", options.deliver);
  options.open_relay = given.Flag("open-relay");
  options.max_recipients =
      given.Number("max-recipients", options.max_recipients, 1, 1000000);
  options.max_errors =
      given.Number("max-errors", options.max_errors, 1, 1000000);
  options.session_timeout = given.Number(
      "session-timeout", options.session_timeout, 1, 7 * 24 * 60 * 60);
  options.bare_newlines =
      given.Choice("bare-newlines", options.bare_newlines,
                   {{"reject", BareNewlines::kReject},
                    {"normalize", BareNewlines::kNormalize}});
  options.greet_delay = given.Number("greet-delay", options.greet_delay, 0, 60);
  options.pipelining = given.Choice(
      "pipelining", options.pipelining,
      {{"note", OutOfTurn::kNote}, {"reject", OutOfTurn::kReject}});
  if (!given.operands().empty()) {
    // A run script of a patched qmail-smtpd passes a checkpassword program
    // here. To ignore it would be to run a submission service that refuses
    // everyone.
    given.Mistake(
        absl::StrCat("AUTH is not built in, nothing is to be done with: ",
                     absl::StrJoin(given.operands(), " ")));
  }
  if (!given.Complain("postern-smtpd")) return options;
  *exit_code = kUsage;
  return std::nullopt;
}

}  // namespace postern::programs
