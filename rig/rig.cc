// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "rig/rig.h"

#include <cstdio>
#include <cstdlib>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace postern::rig {
namespace {

std::vector<std::string> CertificateNames(const Options& options) {
  std::vector<std::string> names = {options.host_name};
  names.insert(names.end(), options.certificate_names.begin(),
               options.certificate_names.end());
  return names;
}

ServerConfig MakeConfig(const Options& options, const Users& users) {
  ServerConfig config;
  config.greeting = options.host_name;
  config.lmtp = options.lmtp;
  config.extensions = options.extensions;
  config.carried = Session::Carried();
  config.offer_starttls = options.tls == TlsMode::kStartTls;
  // With kFirst there is no session without TLS.
  config.require_tls = options.require_tls && config.offer_starttls;
  config.require_auth = options.require_auth;
  for (const auth::Mechanism& mechanism : users.mechanisms()) {
    config.mechanisms.push_back(mechanism.name);
    if (mechanism.name != "EXTERNAL") {
      config.mechanisms_without_tls.push_back(mechanism.name);
    }
  }
  config.max_message_size = options.max_message_size;
  config.command_timeout = options.command_timeout;
  config.data_timeout = options.command_timeout;
  // A test that provokes errors must not meet the limits against attacks.
  config.max_errors = config.max_auth_failures = 1 << 20;
  return config;
}

}  // namespace

void Die(absl::string_view why) {
  std::fprintf(stderr, "postern::rig: %s\n", std::string(why).c_str());
  std::abort();
}

Rig::Rig(Options options, std::function<absl::Time()> now)
    : options_(std::move(options)),
      certificates_(CertificateNames(options_)),
      users_(options_.users, options_.mechanisms),
      mailbox_(options_.max_messages, options_.max_octets,
               options_.first_message),
      config_(MakeConfig(options_, users_)),
      shared_{options_, faults_, mailbox_, users_, std::move(now)} {}

absl::Status Rig::CheckConfig() const {
  if (options_.require_tls && options_.tls == TlsMode::kNone) {
    return absl::InvalidArgumentError(
        "require_tls: needs tls, or no client could send mail");
  }
  for (const User& user : options_.users) {
    if (user.name.empty()) {
      return absl::InvalidArgumentError("users: one has no name");
    }
  }
  for (const auth::Mechanism& mechanism : users_.mechanisms()) {
    if (!Users::Serves(mechanism.name)) {
      return absl::InvalidArgumentError(
          absl::StrCat("mechanisms: a rig does not have ", mechanism.name));
    }
  }
  if (const absl::Status status = config_.Validate(); !status.ok()) {
    absl::string_view why = status.message();
    if (!absl::ConsumePrefix(&why, "greeting:")) return status;
    return absl::InvalidArgumentError(absl::StrCat("host_name:", why));
  }
  return absl::OkStatus();
}

std::string Rig::CaFile() {
  absl::StatusOr<std::string> file = certificates_.AuthorityFile();
  if (!file.ok()) Die(file.status().message());
  return *std::move(file);
}

net::TlsFiles Rig::ClientCertificate(absl::string_view name) {
  absl::StatusOr<net::TlsFiles> files = certificates_.Client(name);
  if (!files.ok()) Die(files.status().message());
  return *std::move(files);
}

}  // namespace postern::rig
