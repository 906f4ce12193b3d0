// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/checkpassword.h"

#include <optional>
#include <utility>

#include "auth/checker_process.h"
#include "auth/refusal.h"
#include "engine/grammar/wipe.h"

namespace postern::auth {
namespace {

constexpr size_t kMaxFields = 512;  // the most that each program reads

}  // namespace

Checkpassword::Checkpassword(CheckpasswordOptions options)
    : options_(std::move(options)) {}

AuthAnswer Checkpassword::Check(const PasswordCredentials& credentials,
                                const SessionInfo& session) {
  const bool cram_md5 = !credentials.challenge.empty();
  absl::string_view second = credentials.secret;
  absl::string_view third;
  if (cram_md5) {
    second = credentials.challenge;
    third = credentials.secret;
    if (options_.cram_md5 ==
        CheckpasswordOptions::CramMd5::kResponseChallenge) {
      std::swap(second, third);
    }
  }
  std::string text;
  text.reserve(kMaxFields);  // so that no other copy stays in memory
  if (credentials.user.size() + second.size() + third.size() + 3 > kMaxFields) {
    return WrongCredentials();
  }
  for (const absl::string_view field : {credentials.user, second, third}) {
    text.append(field.data(), field.size());
    text.push_back('\0');
  }
  const Secret fields(std::move(text));
  // A program may leave the last field of a password unread. It is empty, and
  // checkpassword itself needs only two fields.
  const size_t optional = cram_md5 ? 0 : 1;

  const CheckerAnswer answer = AskChecker({.command = options_.command,
                                           .environment = options_.environment,
                                           .fields = fields.text(),
                                           .optional = optional,
                                           .timeout = options_.timeout},
                                          session);
  std::optional<Verdict> refusal =
      RefusalFor(answer, options_.command[0], options_.report);
  if (refusal) return *std::move(refusal);
  return AuthGranted{std::string(credentials.user)};
}

CheckpasswordBackend::CheckpasswordBackend(const CheckpasswordOptions& options)
    : cram_md5_(options.cram_md5 != CheckpasswordOptions::CramMd5::kNone),
      exchange_{.host = options.host,
                .ignore_authorization_identity =
                    options.ignore_authorization_identity},
      checker_(options) {}

std::vector<Mechanism> CheckpasswordBackend::mechanisms() const {
  std::vector<Mechanism> mechanisms;
  if (cram_md5_) mechanisms.push_back({"CRAM-MD5", false});
  mechanisms.push_back({"PLAIN", true});
  mechanisms.push_back({"LOGIN", true});
  return mechanisms;
}

std::unique_ptr<AuthExchange> CheckpasswordBackend::Begin(
    absl::string_view mechanism, const SharedSessionInfo& session) {
  if (mechanism == "CRAM-MD5" && !cram_md5_) return nullptr;
  return MakePasswordExchange(mechanism, &checker_, session, exchange_);
}

}  // namespace postern::auth
