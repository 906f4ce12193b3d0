// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// One --listen of postern serve: an address, and words that describe the
// service there.

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
#include "service/options.h"
#include "transports/server.h"

namespace postern::programs {

struct ListenOption {
  net::ListenAddress address;
  std::string passed;  // instead: the name of sockets from systemd
  transports::ListenerOptions options;
  bool require_tls = false;   // 530 before STARTTLS
  bool no_tls = false;        // STARTTLS is not offered
  bool auth = false;          // AUTH is offered
  bool require_auth = false;  // 530 before AUTH
  bool lmtp = false;          // LMTP instead of SMTP
  std::string deliver;        // the destination; empty: the one without a name
  std::vector<std::string> mechanisms;  // of AUTH; empty: all

  // The TLS settings that the words give. Tls(), Certificates() and ClientCa()
  // add the options of the program.
  std::optional<net::TlsVersion> min_version;
  std::optional<std::string> ciphers;
  std::optional<bool> tickets;
  std::vector<net::TlsFiles> certificates;
  std::optional<std::string> client_ca;  // empty: no CA

  // Parses ADDRESS:PORT[,WORD]... Returns kInvalidArgument if the address is
  // invalid, or if a word is unknown, lacks its value, has a value that it must
  // not have, is given twice, or contradicts another word. The message names
  // the word.
  static absl::StatusOr<ListenOption> Parse(absl::string_view text);

  // Parses a section of a file: an address, and words as keys with values. The
  // value of a word that has none is yes or no. Errors are those of Parse().
  static absl::StatusOr<ListenOption> ParseSection(
      const service::OptionValue& section);

  // Returns the names of the words, sorted.
  static std::vector<absl::string_view> WordNames();

  // Returns the address in the form of the option.
  std::string Where() const;

  // Return the setting of the words, or else the one of the program's options.
  // Unless a word says otherwise, tickets are sent where AUTH is required, that
  // is, to users' clients.
  net::TlsSettings Tls(const service::CertificateOptions& options) const;
  const std::vector<net::TlsFiles>& Certificates(
      const service::CertificateOptions& options) const;
  const std::string& ClientCa(const service::CertificateOptions& options) const;

  // Returns whether the words require TLS.
  bool WantsTls() const {
    return options.tls || require_tls || min_version || ciphers || tickets ||
           client_ca;
  }

  // Returns whether the listener has TLS.
  bool HasTls(const service::CertificateOptions& options) const {
    return !no_tls && !Certificates(options).empty();
  }
};

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_SERVE_LISTEN_OPTION_H_
