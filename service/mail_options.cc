// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "service/mail_options.h"

#include <cstddef>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "policy/control/alias_list.h"

namespace postern::service {

std::vector<OptionRow> CheckOptionRows(
    absl::Span<const policy::CheckEntry> checks) {
  std::vector<OptionRow> rows;
  for (const policy::CheckEntry& check : checks) {
    if (check.row.option.empty()) continue;
    rows.push_back({check.row.option, check.row.value, check.row.help,
                    OptionRow::From::kAnywhere, check.row.many});
  }
  return rows;
}

void ReadMailOptions(Options* given, MailOptions* options,
                     absl::Span<const policy::CheckEntry> checks) {
  for (const policy::CheckEntry& check : checks) {
    if (check.row.option.empty()) continue;
    std::vector<std::string> values;
    if (check.row.many) {
      values = given->List(check.row.option);
    } else if (std::string value = given->Text(check.row.option, "");
               !value.empty()) {
      values.push_back(std::move(value));
    }
    if (values.empty()) continue;
    options->check_options[std::string(check.row.option)] = std::move(values);
  }
  options->control = given->Text("control", options->control);
  options->deliver = given->Text("deliver", options->deliver);
  options->open_relay = given->Flag("open-relay");
  options->senders = given->Flag("senders");
  options->extension_separators = given->Text("extension-separators", "");
  if (const absl::Status valid =
          policy::ValidateSeparators(options->extension_separators);
      !valid.ok()) {
    given->Mistake(absl::StrCat(given->Place("extension-separators"), ": ",
                                valid.message()));
  }
  options->max_recipients =
      given->Number("max-recipients", options->max_recipients, 1, 1000000);
  options->max_errors =
      given->Number("max-errors", options->max_errors, 1, 1000000);
  options->max_invalid_recipients = given->Number(
      "max-invalid-recipients", options->max_invalid_recipients, 0, 1000000);
  options->session_timeout = given->Number(
      "session-timeout", options->session_timeout, 1, 7 * 24 * 60 * 60);
  options->bare_newlines =
      given->Choice("bare-newlines", options->bare_newlines,
                    {{"reject", BareNewlines::kReject},
                     {"normalize", BareNewlines::kNormalize}});
  auto lenient = policy::LenientClients::Parse(given->List("lenient"));
  if (lenient.ok()) {
    options->lenient = *std::move(lenient);
  } else {
    given->Mistake(absl::StrCat(given->Place("lenient"), ": ",
                                lenient.status().message()));
  }
  options->greet_delay =
      given->Number("greet-delay", options->greet_delay, 0, 60);
  options->min_rate =
      given->Number("min-rate", options->min_rate, 0, 1000000000);
  options->rate_grace =
      given->Number("rate-grace", options->rate_grace, 0, 3600);
  options->pipelining = given->Choice(
      "pipelining", options->pipelining,
      {{"note", OutOfTurn::kNote}, {"reject", OutOfTurn::kReject}});
  ReadAuthOptions(given, &options->auth);
  options->log_format = given->Choice(
      "log-format", options->log_format,
      {{"logfmt", log::LogFormat::kLogfmt}, {"json", log::LogFormat::kJson}});
  options->record = given->Text("record", "");
  options->record_bodies = given->Flag("record-bodies");
  if (options->record_bodies && options->record.empty()) {
    given->Mistake("--record-bodies: needs --record");
  }
}

ServerConfig MakeServerConfig(const MailOptions& options,
                              const policy::Controls& controls) {
  ServerConfig config;
  config.greeting = controls.greeting;
  config.max_message_size = controls.databytes;
  config.max_recipients = static_cast<size_t>(options.max_recipients);
  config.max_errors = options.max_errors;
  config.max_invalid_recipients = options.max_invalid_recipients;
  config.bare_newlines = options.bare_newlines;
  config.early_talk = OutOfTurn::kReject;  // seen only with --greet-delay
  config.pipelining = options.pipelining;
  config.command_timeout = controls.timeout;
  config.data_timeout = controls.timeout;
  return config;
}

}  // namespace postern::service
