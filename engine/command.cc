// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/command.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/grammar/decimal.h"
#include "engine/grammar/extension.h"
#include "engine/grammar/mechanism.h"
#include "engine/grammar/path.h"

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

bool HoldsControl(absl::string_view line) {
  for (char c : line) {
    if (absl::ascii_iscntrl(c) && c != '\t') return true;
  }
  return false;
}

// The verbs whose argument is a mailbox, RFC 6531 3.2.
bool TakesMailbox(Verb verb) {
  return verb == Verb::kMail || verb == Verb::kRcpt || verb == Verb::kVrfy;
}

// The verbs whose argument is the client's name.
bool TakesClientName(Verb verb) {
  return verb == Verb::kHelo || verb == Verb::kEhlo || verb == Verb::kLhlo;
}

// Returns the Reply to a character that a line must not contain, if any.
std::optional<Reply> CheckCharacters(absl::string_view line, Verb verb) {
  if (IsPrintableAscii(line)) return std::nullopt;
  const bool known = verb != Verb::kUnknown;
  const Reply bad = {
      known ? 501 : 500, {5, 5, 2}, "bad character in command (#5.5.2)"};
  if (HoldsControl(line)) return bad;
  if (IsAscii(line)) return std::nullopt;  // except HT
  if (!TakesMailbox(verb) && !TakesClientName(verb)) return bad;
  if (ContainsC1Controls(line)) return bad;
  if (TakesMailbox(verb) && !IsUtf8(line)) {
    return Reply{501, {5, 5, 2}, "bad UTF-8 (#5.5.2)"};
  }
  return std::nullopt;
}

// Removes `keyword` ("FROM:") and the white space after it from `text`.
bool TakeKeyword(absl::string_view keyword, absl::string_view* text) {
  if (!absl::EqualsIgnoreCase(text->substr(0, keyword.size()), keyword)) {
    return false;
  }
  *text = StripSpace(text->substr(keyword.size()));
  return true;
}

// Removes the first word and the spaces after it from `text`.
absl::string_view TakeWord(absl::string_view* text) {
  const absl::string_view word = text->substr(0, text->find(' '));
  *text = StripSpace(text->substr(word.size()));
  return word;
}

}  // namespace

std::variant<Command, Reply> ParseCommand(absl::string_view line,
                                          Strictness strictness) {
  const absl::string_view name = line.substr(0, line.find(' '));
  Command command;
  command.argument = StripSpace(line.substr(name.size()));
  command.row = &FindVerb(command.argument.empty() ? StripSpace(name) : name);
  const Verb verb = command.row->verb;
  if (verb == Verb::kWeb) return command;
  if (std::optional<Reply> bad = CheckCharacters(line, verb)) {
    return *std::move(bad);
  }
  switch (command.row->argument) {
    case Argument::kIgnored:
      return command;
    case Argument::kNone:
      if (command.argument.empty()) return command;
      return Reply{501, {5, 5, 4}, "no argument allowed (#5.5.4)"};
    case Argument::kNeeded:
      if (!command.argument.empty()) return command;
      if (strictness == Strictness::kLenient && TakesClientName(verb)) {
        return command;
      }
      return Reply{501, {5, 5, 4}, "argument missing (#5.5.4)"};
  }
  return command;
}

std::variant<Mail, Reply> ParseMail(absl::string_view argument,
                                    const ParameterRules& rules) {
  if (!TakeKeyword("FROM:", &argument)) {
    return Reply{501, {5, 5, 4}, "syntax: MAIL FROM:<address> (#5.5.4)"};
  }
  // SMTPUTF8 follows the address that needs it.
  std::optional<ParsedPath> parsed = ParsePath(argument, Utf8::kYes);
  if (!parsed) return Reply{501, {5, 1, 7}, "bad sender address (#5.1.7)"};
  auto parameters =
      ParseMailParameters(argument.substr(parsed->consumed), rules);
  if (auto* reply = std::get_if<Reply>(&parameters)) return std::move(*reply);
  auto& said = std::get<MailParameters>(parameters);
  if (!said.smtp_utf8 && !parsed->path.ascii()) {
    return Reply{
        550, {5, 6, 7}, "non-ASCII sender address without SMTPUTF8 (#5.6.7)"};
  }
  return Mail{std::move(parsed->path), std::move(said)};
}

std::variant<Rcpt, Reply> ParseRcpt(absl::string_view argument,
                                    const ParameterRules& rules, Utf8 utf8) {
  if (!TakeKeyword("TO:", &argument)) {
    return Reply{501, {5, 5, 4}, "syntax: RCPT TO:<address> (#5.5.4)"};
  }
  std::optional<ParsedPath> parsed = ParsePath(argument, Utf8::kYes);
  if (!parsed || parsed->path.null()) {
    return Reply{501, {5, 1, 3}, "bad recipient address (#5.1.3)"};
  }
  auto parameters =
      ParseRcptParameters(argument.substr(parsed->consumed), rules, utf8);
  if (auto* reply = std::get_if<Reply>(&parameters)) return std::move(*reply);
  if (utf8 == Utf8::kNo && !parsed->path.ascii()) {
    return Reply{553,
                 {5, 6, 7},
                 "non-ASCII recipient address without SMTPUTF8 (#5.6.7)"};
  }
  return Rcpt{.to = std::move(parsed->path),
              .parameters = std::get<RcptParameters>(std::move(parameters))};
}

std::string FormatMail(const Mail& mail) {
  return absl::StrCat("MAIL FROM:", FormatPath(mail.from),
                      FormatMailParameters(mail.parameters));
}

std::string FormatRcpt(const Rcpt& rcpt) {
  return absl::StrCat("RCPT TO:", FormatPath(rcpt.to),
                      FormatRcptParameters(rcpt.parameters));
}

std::variant<VerifyArgument, Reply> ParseVerify(absl::string_view argument,
                                                const ParameterRules& rules) {
  VerifyArgument verify;
  if (rules.offered.Has(Extension::kSmtpUtf8)) {
    constexpr absl::string_view kParameter = " SMTPUTF8";
    if (absl::EndsWithIgnoreCase(argument, kParameter)) {
      argument.remove_suffix(kParameter.size());
      verify.smtp_utf8 = true;
    }
  } else if (!IsAscii(argument)) {
    return Reply{550, {5, 6, 7}, "non-ASCII address without SMTPUTF8 (#5.6.7)"};
  }
  verify.text = std::string(StripSpace(argument));
  return verify;
}

std::variant<Chunk, Reply> ParseBdat(absl::string_view argument) {
  const std::optional<uint64_t> size =
      ParseDecimal(TakeWord(&argument), kMaxDigits);
  const bool last = absl::EqualsIgnoreCase(argument, "LAST");
  if (!size || !(last || argument.empty())) {
    return Reply{501, {5, 5, 4}, "syntax: BDAT size [LAST] (#5.5.4)"};
  }
  return Chunk{*size, last};
}

std::variant<AuthArgument, Reply> ParseAuth(absl::string_view argument) {
  const Reply bad = {
      501, {5, 5, 4}, "syntax: AUTH mechanism [initial-response] (#5.5.4)"};
  AuthArgument auth;
  auth.mechanism = absl::AsciiStrToUpper(TakeWord(&argument));
  if (!IsMechanism(auth.mechanism)) return bad;
  if (argument.empty()) return auth;
  for (char c : argument) {
    if (!absl::ascii_isgraph(c)) return bad;
  }
  auth.initial_response = argument;
  return auth;
}

}  // namespace postern
