// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/token_command.h"

#include <cstddef>
#include <optional>
#include <utility>

#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "auth/checker_process.h"
#include "auth/identity.h"
#include "engine/grammar/wipe.h"

namespace postern::auth {
namespace {

constexpr size_t kMaxLine = 512;  // octets, including the newline

}  // namespace

TokenCommand::TokenCommand(TokenCommandOptions options)
    : options_(std::move(options)) {}

AuthAnswer TokenCommand::Check(const TokenCredentials& credentials,
                               const SessionInfo& session) {
  std::string text;
  // So that no other copy stays in memory.
  text.reserve(credentials.token.size() + credentials.user.size() + 2);
  for (const absl::string_view field : {credentials.token, credentials.user}) {
    text.append(field.data(), field.size());
    text.push_back('\0');
  }
  const Secret fields(std::move(text));
  CheckerAnswer answer = AskChecker(
      {.command = options_.command,
       .environment = options_.environment,
       .fields = fields.text(),
       .optional = credentials.user.size() + 1,  // the user is a hint
       .max_output = kMaxLine,
       .timeout = options_.timeout},
      session);
  const std::string identity(absl::StripSuffix(answer.output, "\n"));
  if (answer.kind == CheckerAnswer::Kind::kYes && !IsIdentity(identity)) {
    answer.kind = CheckerAnswer::Kind::kUnknown;
    answer.why = "exit code 0, but its output is not one line with a name";
  }
  std::optional<Verdict> refusal =
      RefusalFor(answer, options_.command[0], options_.report);
  if (refusal) return *std::move(refusal);
  return AuthGranted{identity};
}

}  // namespace postern::auth
