// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/users.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "auth/refusal.h"
#include "auth/saslprep.h"
#include "auth/verifier.h"

namespace postern::auth {

Users::Users(absl::string_view path, log::Report report)
    : report_(std::move(report)), file_(UserTablePath(path), UserTable::Open) {}

Users::Table Users::Now() {
  absl::StatusOr<Table> table = file_.Get();
  if (table.ok()) return *std::move(table);
  report_(table.status().message());
  return nullptr;
}

AuthAnswer Users::Check(const PasswordCredentials& credentials,
                        const SessionInfo& /*session*/) {
  if (!credentials.challenge.empty()) return WrongCredentials();
  const Table table = Now();
  if (table == nullptr) return Outage();
  // An invalid name is treated as that of an unknown user, and takes the same
  // time.
  const std::string name = SaslPrep(credentials.user).value_or("");
  const absl::StatusOr<std::optional<Verifier>> found = table->Find(name);
  if (!found.ok()) {
    report_(found.status().message());
    return Outage();
  }
  const Verifier& verifier = *found ? **found : table->stand_in();
  const absl::StatusOr<bool> right = verifier.Check(credentials.secret);
  if (!right.ok()) {
    report_(absl::StrCat(file_.path(), ": user ", absl::CHexEscape(name), ": ",
                         right.status().message()));
    return Outage();
  }
  if (!*right || !*found) return WrongCredentials();
  return AuthGranted{name};
}

std::optional<ScramSource::Found> Users::FindScram(absl::string_view user) {
  const Table table = Now();
  if (table == nullptr) return std::nullopt;
  const std::string name = SaslPrep(user).value_or("");
  const absl::StatusOr<std::optional<Verifier>> found = table->Find(name);
  if (!found.ok()) {
    report_(found.status().message());
    return std::nullopt;
  }
  // Made-up keys are always computed, so that the time does not depend on
  // whether the user exists.
  Found made_up = {.keys = table->MakeUpKeys(name)};
  if (!*found || (*found)->scram() == nullptr) return made_up;
  return Found{.keys = *(*found)->scram(), .identity = name};
}

absl::StatusOr<bool> Users::AllScram() {
  const absl::StatusOr<Table> table = file_.Get();
  if (!table.ok()) return table.status();
  return (*table)->all_scram();
}

}  // namespace postern::auth
