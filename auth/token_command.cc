// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/token_command.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "auth/checker_process.h"
#include "auth/refusal.h"
#include "engine/grammar/utf8.h"
#include "engine/grammar/wipe.h"

namespace postern::auth {
namespace {

constexpr size_t kMaxLine = 512;  // octets, including the newline

bool IsIdentity(absl::string_view text) {
  return !text.empty() && IsUtf8(text) && !ContainsC1Controls(text) &&
         std::none_of(text.begin(), text.end(), absl::ascii_iscntrl);
}

}  // namespace

TokenCommand::TokenCommand(TokenCommandOptions options)
    : options_(std::move(options)) {}

AuthAnswer TokenCommand::Check(const BearerProof& proof,
                               const SessionInfo& session) {
  const auto unable = [this](absl::string_view what) {
    options_.report(absl::StrCat(options_.command[0], ": ", what));
    return CannotTell();
  };
  std::string text;
  // So that no other copy stays in memory.
  text.reserve(proof.token.size() + proof.user.size() + 2);
  for (const absl::string_view field : {proof.token, proof.user}) {
    text.append(field.data(), field.size());
    text.push_back('\0');
  }
  const Secret fields(std::move(text));
  const CheckerAnswer answer =
      AskChecker({.command = options_.command,
                  .environment = options_.environment,
                  .fields = fields.text(),
                  .optional = proof.user.size() + 1,  // the user is a hint
                  .max_output = kMaxLine,
                  .timeout = options_.timeout},
                 session);
  switch (answer.kind) {
    case CheckerAnswer::Kind::kYes:
      break;
    case CheckerAnswer::Kind::kNo:
      return WrongCredentials();
    case CheckerAnswer::Kind::kUnknown:
      return unable(answer.why);
  }
  const absl::string_view identity = absl::StripSuffix(answer.output, "\n");
  if (!IsIdentity(identity)) {
    return unable("exit code 0, but its output is not one line with a name");
  }
  return AuthGranted{std::string(identity)};
}

}  // namespace postern::auth
