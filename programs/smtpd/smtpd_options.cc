// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/smtpd/smtpd_options.h"

#include <unistd.h>

#include <climits>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "auth/checker_command.h"
#include "programs/smtpd/handoff.h"
#include "service/auth_options.h"
#include "service/certificate_options.h"
#include "service/mail_options.h"
#include "service/mail_service.h"
#include "service/options.h"
#include "system/session_variables.h"

namespace postern::programs {
namespace {

// From djb's tools: wrong usage.
constexpr int kUsage = 100;

constexpr service::OptionRow kRows[] = {
    service::kHelpRow,
    service::kVersionRow,
    service::kConfigRow,
    service::kControlRow,
    service::kDeliverRow,
    service::kOpenRelayRow,
    service::kSendersRow,
    service::kExtensionSeparatorsRow,
    {"max-recipients", "N [10000]", "recipients of a message; 452 above"},
    {"max-errors", "N [100]", "refused commands before a session ends (421)"},
    {"max-invalid-recipients", "N [0]",
     "refused recipients before a session ends (421);\n"
     "0: no limit"},
    service::kAuthRow,
    service::kCramMd5Row,
    service::kSaslConfigRow,
    service::kSaslRealmRow,
    service::kAuthInsecureRow,
    service::kAuthOldClientsRow,
    service::kShowUserRow,
    service::kIgnoreAuthzidRow,
    service::kMaxAuthFailuresRow,
    service::kAuthDelayRow,
    {"submission", "", "accept mail only from users: 530 before AUTH"},
    service::kSessionTimeoutRow,
    service::kBareNewlinesRow,
    service::kLenientRow,
    service::kGreetDelayRow,
    service::kMinRateRow,
    service::kRateGraceRow,
    service::kPipeliningRow,
    service::kLogFormatRow,
    service::kRecordRow,
    service::kRecordBodiesRow,
    service::kTlsCertRow,
    service::kTlsKeyRow,
    service::kClientCaRow,
    service::kTlsMinRow,
    service::kTlsCiphersRow,
    {"require-tls", "", "530 before STARTTLS"},
    {"tls-wrapped", "", "TLS from the first byte"},
    {"tls-outside", "",
     "TLS from the first byte by the super-server; it\n"
     "sets SSL_PROTOCOL and SSL_CIPHER"},
    {"rspamd", "URL", ""},  // see ReadSmtpdOptions()
    {kHandoffOption, "N", "", service::OptionRow::From::kCommandLine},
};

void ReadHandoff(service::Options* given, SmtpdOptions* options) {
  const int descriptor = given->Number(kHandoffOption, -1, 3, INT_MAX);
  if (descriptor < 0) return;
  absl::StatusOr<Handoff> handoff = LoadHandoff(descriptor);
  if (handoff.ok()) {
    options->handoff.emplace(*std::move(handoff));
  } else {
    given->Mistake(
        absl::StrCat("--", kHandoffOption, ": ", handoff.status().message()));
  }
}

constexpr char kHead[] =
    "Usage: postern-smtpd [OPTION]... [[HOST] CHECKER SUBPROGRAM...]\n"
    "\n"
    "Receives mail by SMTP on descriptors 0 and 1, under tcpserver or another\n"
    "UCSPI super-server. It replaces qmail-smtpd. CHECKER is a "
    "checkpassword\n"
    "program. It runs SUBPROGRAM (such as true) if a password is right.\n"
    "\n";
constexpr char kFoot[] =
    "\n"
    "Each option is also a line of --config FILE (control=/etc/postern) and "
    "an\n"
    "environment variable (POSTERN_CONTROL). See postern-smtpd(8).\n";

// Reads the arguments of a run script for a patched qmail-smtpd.
void ReadChecker(service::Options* given, service::AuthOptions* options) {
  const std::vector<std::string> arguments(given->operands().begin(),
                                           given->operands().end());
  const char* const path = getenv("PATH");
  auto checker = auth::ReadCheckerCommand(
      arguments, path == nullptr ? "/bin:/usr/bin" : path);
  if (!checker.ok()) return given->Mistake(checker.status().message());
  service::AuthSpec spec;
  spec.text = absl::StrJoin(arguments, " ");
  spec.command = std::move(checker->command);
  spec.host = std::move(checker->host);
  options->specs.push_back(std::move(spec));
}

}  // namespace

std::optional<SmtpdOptions> ReadSmtpdOptions(int argc, char** argv,
                                             int* exit_code) {
  service::Options given(kRows, service::CheckOptionRows());
  if (argc > 0) {
    given.Read({argv + 1, static_cast<size_t>(argc - 1)}, getenv);
  }
  *exit_code = 0;
  if (given.AnswerHelp(
          "postern-smtpd", kHead,
          given.Flag("help") ? absl::StrCat(service::MailHelp(), kFoot) : ""))
    return std::nullopt;
  SmtpdOptions options;
  service::ReadMailOptions(&given, &options);
  options.child_environment = system::UcspiVariables(environ);
  options.submission = given.Flag("submission");
  if (!given.operands().empty()) ReadChecker(&given, &options.auth);
  if (options.submission && options.auth.specs.empty()) {
    given.Mistake("--submission: needs a CHECKER, or --auth");
  }
  service::ReadCertificateOptions(&given, &options);
  service::NeedCertificate(!options.certificates.empty(), &given);
  options.require_tls = given.Flag("require-tls");
  options.tls_wrapped = given.Flag("tls-wrapped");
  if (options.tls_wrapped && options.certificates.empty()) {
    given.Mistake("--tls-wrapped: needs --tls-cert");
  }
  options.tls_outside = given.Flag("tls-outside");
  if (options.tls_outside && options.tls_wrapped) {
    given.Mistake("--tls-outside: not with --tls-wrapped");
  }
  if (!given.Text("rspamd", "").empty()) {
    given.Mistake(
        "--rspamd: only postern serve asks rspamd; here a filter runs as the "
        "queue program, see QMAILQUEUE");
  }
  ReadHandoff(&given, &options);
  if (!given.Complain("postern-smtpd")) return options;
  *exit_code = kUsage;
  return std::nullopt;
}

}  // namespace postern::programs
