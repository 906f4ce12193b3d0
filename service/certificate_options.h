// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The options about certificates and TLS, which all programs have.

#ifndef POSTERN_SERVICE_CERTIFICATE_OPTIONS_H_
#define POSTERN_SERVICE_CERTIFICATE_OPTIONS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "net/tls_files.h"
#include "net/tls_settings.h"
#include "service/options.h"

namespace postern::service {

struct CertificateOptions {
  std::vector<net::TlsFiles> certificates;  // none: no TLS of our own
  std::string client_ca;                    // empty: none
  net::TlsSettings tls;  // where a listener does not say otherwise
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

inline constexpr OptionRow kTlsMinRow = {
    "tls-min", "VERSION [1.2]",
    "the oldest TLS version that is spoken: 1.0,\n"
    "1.1, 1.2 or 1.3"};
inline constexpr OptionRow kTlsCiphersRow = {
    "tls-ciphers", "LIST",
    "the ciphers of TLS 1.2 and older, in OpenSSL's\n"
    "form (HIGH:!kRSA), in order of preference"};

// Puts what was given into `options`; mistakes are `given`'s. A cipher list is
// not looked at: only programs with OpenSSL can (net/tls_context.h).
void ReadCertificateOptions(Options* given, CertificateOptions* options);

// Returns the files of certificates: each chain with its key, which is in the
// same file if there are no keys. InvalidArgument if there are some keys, but
// not as many as chains; the message has the two names.
absl::StatusOr<std::vector<net::TlsFiles>> PairCertificates(
    absl::Span<const std::string> chains, absl::Span<const std::string> keys,
    absl::string_view chain_name, absl::string_view key_name);

// Makes it a mistake if an option was given that says something about TLS and
// the program has no certificate for it.
void NeedCertificate(bool there_is_one, Options* given);

}  // namespace postern::service

#endif  // POSTERN_SERVICE_CERTIFICATE_OPTIONS_H_
