// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The options about certificates and TLS, which all servers have.

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
  std::vector<net::TlsFiles> certificates;  // none: the server has no TLS
  std::string client_ca;                    // empty: no client certificates
  net::TlsSettings tls;  // unless the listener has its own settings
};

inline constexpr OptionRow kTlsCertRow = {
    "tls-cert", "FILE",
    "certificate and chain, PEM; may be repeated, for\n"
    "several names or for RSA and ECDSA; credential:NAME\n"
    "is a file of systemd's LoadCredential=",
    OptionRow::From::kAnywhere, true};
inline constexpr OptionRow kTlsKeyRow = {
    "tls-key", "FILE",
    "the key of each --tls-cert, in the same order;\n"
    "default: the file of the certificate",
    OptionRow::From::kAnywhere, true};
inline constexpr OptionRow kClientCaRow = {
    "client-ca", "FILE", "the CA of client certificates, PEM"};

inline constexpr OptionRow kTlsMinRow = {
    "tls-min", "VERSION [1.2]",
    "the oldest TLS version that is accepted: 1.0,\n"
    "1.1, 1.2 or 1.3"};
inline constexpr OptionRow kTlsCiphersRow = {
    "tls-ciphers", "LIST",
    "the ciphers of TLS 1.2 and older, in OpenSSL's\n"
    "form (HIGH:!kRSA), in order of preference"};

// Reads the given options into `options`. Mistakes are added to `given`. The
// cipher list is not checked, because only programs with OpenSSL can do that
// (net/tls_context.h).
void ReadCertificateOptions(Options* given, CertificateOptions* options);

// Returns the files of certificates: each chain with its key. Without keys,
// each key is in the file of its chain. Returns kInvalidArgument if there are
// keys, but not as many as chains; the message contains the two names. Other
// errors are those of CredentialPath(), with the name of the option before
// them.
absl::StatusOr<std::vector<net::TlsFiles>> PairCertificates(
    absl::Span<const std::string> chains, absl::Span<const std::string> keys,
    absl::string_view chain_name, absl::string_view key_name);

// Returns the path of a file that an option names: of `credential:NAME` the
// file NAME in the directory $CREDENTIALS_DIRECTORY, where systemd puts what
// LoadCredential= of a unit names; otherwise `file` itself. Returns
// kInvalidArgument if NAME is empty or has a '/', and kFailedPrecondition if
// the variable is not set.
absl::StatusOr<std::string> CredentialPath(absl::string_view file);

// Adds a mistake if an option about TLS is given and there is no certificate.
void NeedCertificate(bool there_is_one, Options* given);

}  // namespace postern::service

#endif  // POSTERN_SERVICE_CERTIFICATE_OPTIONS_H_
