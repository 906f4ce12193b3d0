// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "service/certificate_options.h"

#include <cstddef>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace postern::service {

void ReadCertificateOptions(Options* given, CertificateOptions* options) {
  options->client_ca = given->Text("client-ca", options->client_ca);
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
    files.push_back({chains[i], keys.empty() ? chains[i] : keys[i]});
  }
  return files;
}

void NeedCertificate(bool there_is_one, Options* given) {
  if (there_is_one) return;
  for (const char* name : {"client-ca", "tls-min", "tls-ciphers"}) {
    if (given->Text(name, "").empty()) continue;
    given->Mistake(absl::StrCat(given->Place(name), ": needs --tls-cert"));
  }
}

}  // namespace postern::service
