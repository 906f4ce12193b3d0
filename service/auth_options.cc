// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "service/auth_options.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace postern::service {

using CramMd5 = auth::CheckpasswordOptions::CramMd5;

namespace {

// Reads PROGRAM[,ARGUMENT]... into `spec`.
absl::Status ReadCommand(absl::string_view text, AuthSpec* spec) {
  spec->command = absl::StrSplit(text, ',');
  if (absl::StartsWith(spec->command[0], "/")) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("not the absolute path of a program: ", spec->command[0]));
}

}  // namespace

absl::StatusOr<AuthSpec> ParseAuthSpec(absl::string_view text) {
  AuthSpec spec;
  spec.text = std::string(text);
  if (text == "sasl") {
    spec.kind = AuthSpec::Kind::kSasl;
    return spec;
  }
  if (absl::ConsumePrefix(&text, "cdb:")) {
    if (text.empty()) {
      return absl::InvalidArgumentError("no file after cdb:");
    }
    spec.kind = AuthSpec::Kind::kCdb;
    spec.file = std::string(text);
    return spec;
  }
  if (absl::ConsumePrefix(&text, "checkpassword:")) {
    if (absl::Status status = ReadCommand(text, &spec); !status.ok()) {
      return status;
    }
    // checkpassword runs it after a correct password: exit code 0.
    if (spec.command.size() == 1) spec.command.emplace_back("/bin/true");
    return spec;
  }
  if (absl::ConsumePrefix(&text, "oauth:")) {
    spec.kind = AuthSpec::Kind::kOauth;
    if (absl::Status status = ReadCommand(text, &spec); !status.ok()) {
      return status;
    }
    return spec;
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "neither checkpassword:PROGRAM nor cdb:FILE nor oauth:PROGRAM nor sasl: ",
      spec.text));
}

void ReadAuthOptions(Options* given, AuthOptions* options) {
  const std::vector<std::string> specs = given->List("auth");
  for (size_t i = 0; i < specs.size(); ++i) {
    absl::StatusOr<AuthSpec> spec = ParseAuthSpec(specs[i]);
    if (spec.ok()) {
      options->specs.push_back(*std::move(spec));
    } else {
      given->Mistake(
          absl::StrCat(given->Place("auth", i), ": ", spec.status().message()));
    }
  }
  options->cram_md5 =
      given->Choice("cram-md5", options->cram_md5,
                    {{"none", CramMd5::kNone},
                     {"challenge-first", CramMd5::kChallengeResponse},
                     {"response-first", CramMd5::kResponseChallenge}});
  options->sasl_config = given->Text("sasl-config", options->sasl_config);
  options->sasl_realms = given->List("sasl-realm");
  options->insecure = given->Flag("auth-insecure");
  options->old_clients = given->Flag("auth-old-clients");
  options->show_user = given->Flag("show-user");
  options->ignore_authzid = given->Flag("ignore-authzid");
  options->max_failures =
      given->Number("max-auth-failures", options->max_failures, 1, 1000);
  options->delay = given->Number("auth-delay", options->delay, 0, 60);
}

absl::Status OfferAuth(const auth::Backend& backend, const AuthOptions& options,
                       const std::vector<std::string>& allowed,
                       ServerConfig* config) {
  std::vector<auth::Mechanism> offered = backend.mechanisms();
  if (!allowed.empty()) {
    std::vector<auth::Mechanism> chosen;
    for (const std::string& name : allowed) {
      const auto it = std::find_if(
          offered.begin(), offered.end(),
          [&name](const auth::Mechanism& each) { return each.name == name; });
      if (it == offered.end()) {
        return absl::InvalidArgumentError(
            absl::StrCat("no --auth offers AUTH ", name, " here"));
      }
      chosen.push_back(*it);
    }
    offered = std::move(chosen);
  }
  config->mechanisms.clear();
  config->mechanisms_without_tls.clear();
  for (auth::Mechanism& mechanism : offered) {
    if (!mechanism.shows_secret || options.insecure) {
      config->mechanisms_without_tls.push_back(mechanism.name);
    }
    config->mechanisms.push_back(std::move(mechanism.name));
  }
  config->old_auth_line = options.old_clients;
  config->max_auth_failures = options.max_failures;
  return absl::OkStatus();
}

}  // namespace postern::service
