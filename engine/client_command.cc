// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/client_command.h"

#include <variant>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "engine/command.h"
#include "engine/grammar/extension.h"
#include "engine/grammar/parameters.h"

namespace postern {
namespace {

// The rules of a server that offers every extension.
constexpr ParameterRules kAllRules = {ExtensionSet::All(),
                                      /*auth_offered=*/true};

// The rules of a server that offers `keywords`.
ParameterRules RulesOf(const EhloKeywords& keywords) {
  ParameterRules rules;
  for (const ExtensionRow& row : kExtensionTable) {
    if (keywords.Has(row.keyword)) {
      rules.offered = rules.offered | ExtensionSet{row.extension};
    }
  }
  rules.auth_offered = keywords.Has("AUTH");
  return rules;
}

// Returns the argument of a command line, as a server parses it, or nothing.
absl::string_view ArgumentOf(absl::string_view line) {
  const auto parsed = ParseCommand(line);
  const Command* command = std::get_if<Command>(&parsed);
  return command != nullptr ? command->argument : absl::string_view();
}

// Return whether a server with `rules` parses `line` into the given command.
bool IsRead(absl::string_view line, const Mail& mail,
            const ParameterRules& rules) {
  const auto parsed = ParseMail(ArgumentOf(line), rules);
  const Mail* read = std::get_if<Mail>(&parsed);
  return read != nullptr && read->from == mail.from &&
         read->parameters == mail.parameters;
}
bool IsRead(absl::string_view line, const Rcpt& rcpt, Utf8 utf8,
            const ParameterRules& rules) {
  const auto parsed = ParseRcpt(ArgumentOf(line), rules, utf8);
  const Rcpt* read = std::get_if<Rcpt>(&parsed);
  return read != nullptr && read->to == rcpt.to &&
         read->parameters == rcpt.parameters;
}

}  // namespace

absl::Status NotOffered(absl::string_view what) {
  return absl::FailedPreconditionError(
      absl::StrCat("the server does not offer ", what));
}

absl::StatusOr<std::string> MailLine(const Mail& mail,
                                     const EhloKeywords& keywords) {
  const MailParameters& parameters = mail.parameters;
  std::string line = FormatMail(mail);
  if (!IsRead(line, mail, kAllRules)) {
    return absl::InvalidArgumentError(
        "not a valid MAIL command (RFC 5321 4.1.2)");
  }
  // The engine's rules always accept these parameters, so check them here.
  if (parameters.size && !keywords.Has("SIZE")) return NotOffered("SIZE");
  if (parameters.auth && !keywords.Has("AUTH")) return NotOffered("AUTH");
  if (parameters.body && *parameters.body != BodyType::kBinaryMime &&
      !keywords.Has("8BITMIME")) {
    return NotOffered("8BITMIME");
  }
  if (!(parameters == MailParameters()) &&
      !IsRead(line, mail, RulesOf(keywords))) {
    return NotOffered("a parameter of this MAIL");
  }
  return line + "\r\n";
}

absl::StatusOr<std::string> RcptLine(const Rcpt& rcpt, Utf8 utf8,
                                     const EhloKeywords& keywords) {
  std::string line = FormatRcpt(rcpt);
  if (!IsRead(line, rcpt, utf8, kAllRules)) {
    return absl::InvalidArgumentError(
        "not a valid RCPT command (RFC 5321 4.1.2)");
  }
  if (!(rcpt.parameters == RcptParameters()) &&
      !IsRead(line, rcpt, utf8, RulesOf(keywords))) {
    return NotOffered("a parameter of this RCPT");
  }
  return line + "\r\n";
}

}  // namespace postern
