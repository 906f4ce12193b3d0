// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/smtpd_options.h"

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "programs/mail_options.h"
#include "programs/options.h"

namespace postern::programs {
namespace {

// djb's tools: wrong usage.
constexpr int kUsage = 100;

constexpr OptionRow kRows[] = {
    kHelpRow,
    kVersionRow,
    kConfigRow,
    kControlRow,
    kDeliverRow,
    kOpenRelayRow,
    {"max-recipients", "N [10000]", "recipients of a message; 452 beyond"},
    {"max-errors", "N [100]",
     "refused commands before 421 and the end of the\n"
     "session"},
    kSessionTimeoutRow,
    kBareNewlinesRow,
    kGreetDelayRow,
    kPipeliningRow,
    kLogFormatRow,
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
  ReadMailOptions(&given, &options);
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
