// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "service/mail_options.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "policy/control/alias_list.h"

namespace postern::service {

namespace {

constexpr absl::string_view kToKey = "to";  // of [deliver NAME]

}  // namespace

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

namespace {

absl::Status CheckName(absl::string_view name) {
  const bool valid =
      !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
        return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' ||
               c == '_';
      });
  if (valid) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "the name \"", name, "\" is not made of letters, digits, '-' and '_'"));
}

}  // namespace

absl::StatusOr<DestinationOption> DestinationOption::Parse(
    absl::string_view text) {
  const size_t equals = text.find('=');
  // "smtp:relay.example,tls=verify" has no name.
  if (equals == absl::string_view::npos || text.find(':') < equals) {
    return DestinationOption{"", std::string(text)};
  }
  const absl::string_view name = text.substr(0, equals);
  if (absl::Status valid = CheckName(name); !valid.ok()) return valid;
  const absl::string_view spec = text.substr(equals + 1);
  if (spec.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the delivery is missing: ", name, "=KIND[:VALUE]"));
  }
  return DestinationOption{std::string(name), std::string(spec)};
}

absl::StatusOr<DestinationOption> DestinationOption::ParseSection(
    const OptionValue& section) {
  if (absl::Status valid = CheckName(section.text); !valid.ok()) return valid;
  DestinationOption destination{section.text, ""};
  for (const OptionValue::Key& key : section.keys) {
    if (key.name != kToKey) {
      return absl::InvalidArgumentError(absl::StrCat(
          key.name, " is not a key of this section; its only key is ", kToKey));
    }
    if (!destination.spec.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(kToKey, " is given twice"));
    }
    if (key.value.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(kToKey, ": the value is empty"));
    }
    destination.spec = key.value;
  }
  if (!destination.spec.empty()) return destination;
  return absl::InvalidArgumentError(absl::StrCat(
      "the delivery is missing; write ", kToKey, " = KIND[:VALUE]"));
}

std::string DestinationOption::Place() const {
  return name.empty() ? "--deliver" : absl::StrCat("--deliver ", name);
}

std::string DestinationOption::Format() const {
  return name.empty() ? spec : absl::StrCat(name, "=", spec);
}

std::vector<DestinationOption> MailOptions::Destinations() const {
  std::vector<DestinationOption> all;
  if (!deliver.empty()) all.push_back({"", deliver});
  all.insert(all.end(), destinations.begin(), destinations.end());
  return all;
}

void ReadDestinations(Options* given, MailOptions* options) {
  const std::vector<OptionValue> values = given->Values("deliver");
  options->deliver.clear();
  options->destinations.clear();
  for (const OptionValue& value : values) {
    const std::string& place = value.place;
    auto parsed = value.is_section ? DestinationOption::ParseSection(value)
                                   : DestinationOption::Parse(value.text);
    if (!parsed.ok()) {
      given->Mistake(value.PlaceOf(parsed.status().message()));
      continue;
    }
    if (parsed->name.empty()) {
      if (!options->deliver.empty()) {
        given->Mistake(absl::StrCat(
            place, ": \"", value.text,
            "\": only one destination may be without a name; give it one: "
            "NAME=",
            value.text));
        continue;
      }
      options->deliver = parsed->spec;
      continue;
    }
    const bool repeated = std::any_of(
        options->destinations.begin(), options->destinations.end(),
        [&](const auto& other) { return other.name == parsed->name; });
    if (repeated) {
      given->Mistake(
          absl::StrCat(place, ": the name ", parsed->name, " is given twice"));
      continue;
    }
    options->destinations.push_back(*std::move(parsed));
  }
}

void ReadMailOptions(Options* given, MailOptions* options,
                     absl::Span<const policy::CheckEntry> checks) {
  options->places = given->places();
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
