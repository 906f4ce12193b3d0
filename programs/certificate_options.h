// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The options about certificates, which all programs have.

#ifndef POSTERN_PROGRAMS_CERTIFICATE_OPTIONS_H_
#define POSTERN_PROGRAMS_CERTIFICATE_OPTIONS_H_

#include <string>
#include <vector>

#include "programs/options.h"
#include "transports/tls_files.h"

namespace postern::programs {

struct CertificateOptions {
  std::vector<transports::TlsFiles> certificates;  // none: no TLS of our own
  std::string client_ca;                           // empty: none
};

inline constexpr OptionRow kTlsCertRow = {
    "tls-cert", "FILE",
    "certificate and chain, PEM; as often as there\n"
    "are names, or RSA beside ECDSA",
    OptionRow::From::kAnywhere, true};
inline constexpr OptionRow kTlsKeyRow = {
    "tls-key", "FILE",
    "the key of each --tls-cert, in their order;\n"
    "else in the same file",
    OptionRow::From::kAnywhere, true};
inline constexpr OptionRow kClientCaRow = {
    "client-ca", "FILE", "who signs clients' certificates, PEM"};

// Puts what was given into `options`; mistakes are `given`'s.
void ReadCertificateOptions(Options* given, CertificateOptions* options);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_CERTIFICATE_OPTIONS_H_
