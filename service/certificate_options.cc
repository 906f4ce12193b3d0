// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "service/certificate_options.h"

#include <cstddef>
#include <cstdlib>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace postern::service {

namespace {

absl::Status Named(absl::string_view option, const absl::Status& status) {
  return absl::Status(status.code(),
                      absl::StrCat(option, ": ", status.message()));
}

}  // namespace

void ReadCertificateOptions(Options* given, CertificateOptions* options) {
  auto client_ca = CredentialPath(given->Text("client-ca", options->client_ca));
  if (client_ca.ok()) {
    options->client_ca = *std::move(client_ca);
  } else {
    given->Mistake(absl::StrCat("--client-ca: ", client_ca.status().message()));
  }
  using net::TlsVersion;
  options->tls.min_version = given->Choice("tls-min", options->tls.min_version,
                                           {{"1.0", TlsVersion::kTls10},
                                            {"1.1", TlsVersion::kTls11},
                                            {"1.2", TlsVersion::kTls12},
                                            {"1.3", TlsVersion::kTls13}});
  options->tls.ciphers = given->Text("tls-ciphers", options->tls.ciphers);
  auto certificates =
      PairCertificates(given->List("tls-cert"), given->List("tls-key"),
                       "--tls-cert", "--tls-key");
  if (certificates.ok()) {
    options->certificates = *std::move(certificates);
  } else {
    given->Mistake(certificates.status().message());
  }
}

absl::StatusOr<std::vector<net::TlsFiles>> PairCertificates(
    absl::Span<const std::string> chains, absl::Span<const std::string> keys,
    absl::string_view chain_name, absl::string_view key_name) {
  if (!keys.empty() && keys.size() != chains.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat(key_name, ": needs as many as ", chain_name, ", or none"));
  }
  std::vector<net::TlsFiles> files;
  for (size_t i = 0; i < chains.size(); ++i) {
    auto chain = CredentialPath(chains[i]);
    if (!chain.ok()) return Named(chain_name, chain.status());
    auto key = CredentialPath(keys.empty() ? chains[i] : keys[i]);
    if (!key.ok()) return Named(key_name, key.status());
    files.push_back({*std::move(chain), *std::move(key)});
  }
  return files;
}

absl::StatusOr<std::string> CredentialPath(absl::string_view file) {
  absl::string_view name = file;
  if (!absl::ConsumePrefix(&name, "credential:")) return std::string(file);
  if (name.empty() || name.find('/') != name.npos || name[0] == '.') {
    return absl::InvalidArgumentError(
        absl::StrCat("not the name of a credential: ", file));
  }
  const char* const directory = std::getenv("CREDENTIALS_DIRECTORY");
  if (directory == nullptr || *directory == '\0') {
    return absl::FailedPreconditionError(
        absl::StrCat(file,
                     ": the variable CREDENTIALS_DIRECTORY is not set; systemd "
                     "sets it for a "
                     "unit with LoadCredential=, and for a test it is "
                     "/run/credentials/UNIT"));
  }
  return absl::StrCat(directory, "/", name);
}

void NeedCertificate(bool there_is_one, Options* given) {
  if (there_is_one) return;
  for (const char* name : {"client-ca", "tls-min", "tls-ciphers"}) {
    if (!given->IsGiven(name)) continue;
    given->Mistake(absl::StrCat(given->Place(name), ": needs --tls-cert"));
  }
}

}  // namespace postern::service
