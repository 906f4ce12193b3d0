// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/certificate_options.h"

#include <cstddef>

namespace postern::programs {

void ReadCertificateOptions(Options* given, CertificateOptions* options) {
  options->client_ca = given->Text("client-ca", options->client_ca);
  const std::vector<std::string> chains = given->List("tls-cert");
  const std::vector<std::string> keys = given->List("tls-key");
  if (!keys.empty() && keys.size() != chains.size()) {
    return given->Mistake("--tls-key: as many as --tls-cert, or none");
  }
  for (size_t i = 0; i < chains.size(); ++i) {
    options->certificates.push_back(
        {chains[i], keys.empty() ? chains[i] : keys[i]});
  }
}

}  // namespace postern::programs
