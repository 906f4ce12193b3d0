// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/command.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "engine/parameters.h"
#include "engine/path.h"

namespace postern {
namespace {

absl::string_view StripSpace(absl::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  // RFC 5321 4.1.1: white space before the CRLF is tolerated.
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) {
    text.remove_suffix(1);
  }
  return text;
}

bool IsPlain(absl::string_view line) {
  for (char c : line) {
    if (!absl::ascii_isprint(c) && c != '\t') return false;
  }
  return true;
}

// Takes `keyword` ("FROM:") and the white space behind it off `text`.
bool TakeKeyword(absl::string_view keyword, absl::string_view* text) {
  if (!absl::EqualsIgnoreCase(text->substr(0, keyword.size()), keyword)) {
    return false;
  }
  *text = StripSpace(text->substr(keyword.size()));
  return true;
}

}  // namespace

std::variant<Command, Reply> ParseCommand(absl::string_view line) {
  if (!IsPlain(line)) {
    return Reply{500, {5, 5, 2}, "bad character in command (#5.5.2)"};
  }
  const absl::string_view name = line.substr(0, line.find(' '));
  Command command;
  command.argument = StripSpace(line.substr(name.size()));
  command.row = &FindVerb(command.argument.empty() ? StripSpace(name) : name);
  switch (command.row->argument) {
    case Argument::kIgnored:
      return command;
    case Argument::kNone:
      if (command.argument.empty()) return command;
      return Reply{501, {5, 5, 4}, "no argument allowed (#5.5.4)"};
    case Argument::kNeeded:
      if (!command.argument.empty()) return command;
      return Reply{501, {5, 5, 4}, "argument missing (#5.5.4)"};
  }
  return command;
}

std::variant<Mail, Reply> ParseMail(absl::string_view argument) {
  if (!TakeKeyword("FROM:", &argument)) {
    return Reply{501, {5, 5, 4}, "syntax: MAIL FROM:<address> (#5.5.4)"};
  }
  std::optional<ParsedPath> parsed = ParsePath(argument);
  if (!parsed) return Reply{501, {5, 1, 7}, "bad sender address (#5.1.7)"};
  auto parameters = ParseMailParameters(argument.substr(parsed->consumed));
  if (auto* reply = std::get_if<Reply>(&parameters)) return std::move(*reply);
  return Mail{std::move(parsed->path),
              std::get<MailParameters>(std::move(parameters))};
}

std::variant<Rcpt, Reply> ParseRcpt(absl::string_view argument) {
  if (!TakeKeyword("TO:", &argument)) {
    return Reply{501, {5, 5, 4}, "syntax: RCPT TO:<address> (#5.5.4)"};
  }
  std::optional<ParsedPath> parsed = ParsePath(argument);
  if (!parsed || parsed->path.null()) {
    return Reply{501, {5, 1, 3}, "bad recipient address (#5.1.3)"};
  }
  if (auto reply = CheckRcptParameters(argument.substr(parsed->consumed))) {
    return *std::move(reply);
  }
  return Rcpt{.to = std::move(parsed->path)};
}

}  // namespace postern
