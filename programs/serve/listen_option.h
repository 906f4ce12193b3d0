// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// One --listen of postern serve: an address, and words about what is served
// there.

#ifndef POSTERN_PROGRAMS_SERVE_LISTEN_OPTION_H_
#define POSTERN_PROGRAMS_SERVE_LISTEN_OPTION_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "net/listening_socket.h"
#include "net/tls_files.h"
#include "net/tls_settings.h"
#include "service/certificate_options.h"
#include "transports/server.h"

namespace postern::programs {

struct ListenOption {
  net::ListenAddress address;
  std::string passed;  // in its place: the name of sockets of systemd's
  transports::ListenerOptions options;
  bool require_tls = false;             // 530 before it
  bool no_tls = false;                  // STARTTLS is not offered
  bool auth = false;                    // AUTH is offered
  bool require_auth = false;            // 530 before it
  std::vector<std::string> mechanisms;  // of AUTH; empty: all

  // How TLS is spoken here, as far as the words say. Tls() and the others below
  // say it whole.
  std::optional<net::TlsVersion> min_version;
  std::optional<std::string> ciphers;
  std::optional<bool> tickets;
  std::vector<net::TlsFiles> certificates;
  std::optional<std::string> client_ca;  // empty: none

  // Reads ADDRESS:PORT[,WORD]... InvalidArgument if the address cannot be read,
  // if a word is not known, has a value and may have none or the other way
  // round, is given twice, or contradicts another. The message names the word.
  static absl::StatusOr<ListenOption> Parse(absl::string_view text);

  // Returns the address as it was given.
  std::string Where() const;

  // Return what the words say and, where they say nothing, what the options of
  // the program say. Tickets are sent to users' clients, where AUTH is
  // required, unless a word says otherwise.
  net::TlsSettings Tls(const service::CertificateOptions& options) const;
  const std::vector<net::TlsFiles>& Certificates(
      const service::CertificateOptions& options) const;
  const std::string& ClientCa(const service::CertificateOptions& options) const;

  // Returns whether the words make no sense without TLS.
  bool WantsTls() const {
    return options.tls || require_tls || min_version || ciphers || tickets ||
           client_ca;
  }

  // Returns whether there is TLS here.
  bool HasTls(const service::CertificateOptions& options) const {
    return !no_tls && !Certificates(options).empty();
  }
};

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_SERVE_LISTEN_OPTION_H_
