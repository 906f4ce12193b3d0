// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/users_backend.h"

#include <algorithm>

#include "auth/scram.h"

namespace postern::auth {
namespace {

constexpr char kScram[] = "SCRAM-SHA-256";

}  // namespace

absl::StatusOr<std::shared_ptr<UsersBackend>> UsersBackend::Open(
    absl::string_view path, log::Report report,
    const PasswordExchangeOptions& options) {
  std::shared_ptr<UsersBackend> backend(
      new UsersBackend(path, std::move(report), options));
  const absl::StatusOr<bool> scram = backend->users_.AllScram();
  if (!scram.ok()) return scram.status();
  backend->scram_ = *scram;
  return backend;
}

std::vector<Mechanism> UsersBackend::mechanisms() const {
  std::vector<Mechanism> mechanisms;
  if (scram_) mechanisms.push_back({.name = kScram});
  mechanisms.push_back({.name = "PLAIN", .shows_secret = true});
  mechanisms.push_back({.name = "LOGIN", .shows_secret = true});
  for (Mechanism& mechanism : mechanisms) {
    mechanism.spelling = Spelling::kPrepared;
  }
  return mechanisms;
}

std::unique_ptr<AuthExchange> UsersBackend::Begin(
    absl::string_view mechanism, const SharedSessionInfo& session) {
  const std::vector<Mechanism> offered = mechanisms();
  if (std::none_of(offered.begin(), offered.end(),
                   [mechanism](const Mechanism& each) {
                     return each.name == mechanism;
                   })) {
    return nullptr;
  }
  if (mechanism == kScram) return MakeScramExchange(&users_);
  return MakePasswordExchange(mechanism, &users_, session, exchange_);
}

}  // namespace postern::auth
