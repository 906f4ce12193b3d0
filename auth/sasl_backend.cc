// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/sasl_backend.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "auth/sasl_connection.h"
#include "auth/sasl_exchange.h"
#include "engine/grammar/ip_address.h"

namespace postern::auth {
namespace {

bool SoonerOffered(const SaslMechanism& a, const SaslMechanism& b) {
  return std::make_tuple(a.shows_secret, -a.hash_bits, a.name) <
         std::make_tuple(b.shows_secret, -b.hash_bits, b.name);
}

// Returns the mechanisms that a client with a certificate can use.
std::vector<SaslMechanism> UsableMechanisms(const SaslOptions& options,
                                            const SaslLibrary& library) {
  SessionInfo session;
  session.local_address = session.remote_address =
      IpAddress::V4({127, 0, 0, 1});
  session.local_port = session.remote_port = 25;
  SaslConnection connection(options, session, "CN=anyone");
  const std::vector<std::string> names = connection.Mechanisms();
  std::vector<SaslMechanism> usable;
  for (const SaslMechanism& mechanism : library.mechanisms()) {
    if (std::find(names.begin(), names.end(), mechanism.name) != names.end()) {
      usable.push_back(mechanism);
    }
  }
  return usable;
}

}  // namespace

absl::StatusOr<std::shared_ptr<SaslBackend>> SaslBackend::Open(
    SaslOptions options) {
  if (options.host_name.empty()) {
    return absl::InvalidArgumentError("sasl: the host name is empty");
  }
  if (options.realms.empty()) options.realms = {options.host_name};
  const absl::StatusOr<const SaslLibrary*> library =
      SaslLibrary::Start(options.config_dir, options.report);
  if (!library.ok()) return library.status();
  std::shared_ptr<SaslBackend> backend(new SaslBackend(
      std::make_shared<const SaslOptions>(std::move(options)), *library));
  const absl::Status chosen = backend->ChooseMechanisms();
  if (!chosen.ok()) return chosen;
  const absl::Status users = (*library)->CheckUserFile();
  if (!users.ok()) {
    backend->options_->report(absl::StrCat("sasl: ", users.message()));
  }
  return backend;
}

absl::Status SaslBackend::ChooseMechanisms() {
  std::vector<SaslMechanism> usable = UsableMechanisms(*options_, *library_);
  for (const std::string& wanted : options_->mechanisms) {
    const auto found =
        std::find_if(usable.begin(), usable.end(),
                     [name = absl::AsciiStrToUpper(wanted)](
                         const SaslMechanism& m) { return m.name == name; });
    if (found == usable.end()) {
      return absl::NotFoundError(absl::StrCat(
          "sasl: mechanism ", wanted,
          " is not installed, or not permitted, or not in mech_list"));
    }
    mechanisms_.push_back(*found);
  }
  if (options_->mechanisms.empty()) {
    mechanisms_ = std::move(usable);
    std::sort(mechanisms_.begin(), mechanisms_.end(), &SoonerOffered);
  }
  if (mechanisms_.empty()) return absl::NotFoundError("sasl: no mechanism");
  return absl::OkStatus();
}

std::vector<Mechanism> SaslBackend::mechanisms() const {
  return {mechanisms_.begin(), mechanisms_.end()};
}

std::unique_ptr<AuthExchange> SaslBackend::Begin(
    absl::string_view mechanism, const SharedSessionInfo& session) {
  const auto found = std::find_if(mechanisms_.begin(), mechanisms_.end(),
                                  [mechanism](const SaslMechanism& offered) {
                                    return offered.name == mechanism;
                                  });
  if (found == mechanisms_.end()) return nullptr;
  return std::make_unique<SaslExchange>(library_, options_, *found, session);
}

}  // namespace postern::auth
