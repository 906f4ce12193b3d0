// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The configuration that postern serve has read at one time.

#ifndef POSTERN_PROGRAMS_SERVE_SERVICE_SNAPSHOT_H_
#define POSTERN_PROGRAMS_SERVE_SERVICE_SNAPSHOT_H_

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "engine/server_config.h"
#include "net/tls_certificate.h"
#include "net/tls_context.h"
#include "policy/shared/redis_connection.h"
#include "programs/serve/serve_options.h"
#include "service/finding.h"
#include "service/mail_service.h"

namespace postern::programs {

// A session uses one ServiceSnapshot from beginning to end, even if the files
// are read again during the session. Immutable and thread-safe.
struct ServiceSnapshot {
  // Reads the control files, certificates and users. Adds all errors and
  // warnings to `findings`. Returns null if there is an error that prevents the
  // start.
  static std::shared_ptr<const ServiceSnapshot> Read(
      const ServeOptions& options, const service::MailService::Process& process,
      service::Findings* findings);

  // What differs between listeners.
  struct Listener {
    std::shared_ptr<const service::MailService::Outlet> outlet;
    ServerConfig config;
    std::shared_ptr<const net::TlsContext> tls;  // null: no TLS
  };

  // Returns a snapshot with the certificates of the files as they are now, and
  // otherwise with the parts of `old`. Adds errors and warnings to `findings`.
  // Returns null if there is an error, such as a key that does not match its
  // certificate because only one of the two files has been replaced yet.
  static std::shared_ptr<const ServiceSnapshot> ReadCertificates(
      const ServiceSnapshot& old, service::Findings* findings);

  // A state of a file of certificates or keys.
  struct CertificateFile {
    std::string path;
    dev_t device = 0;
    ino_t inode = 0;
    off_t size = 0;
    int64_t changed = 0;  // nanoseconds; 0: the file could not be examined

    friend bool operator==(const CertificateFile&,
                           const CertificateFile&) = default;
  };
  // Returns the present states of the files of all listeners. Follows symbolic
  // links. Blocks on the disk.
  static std::vector<CertificateFile> CertificateFiles(
      const ServeOptions& options);

  // Returns the certificates of all listeners, each file once.
  std::vector<const net::TlsCertificate*> Certificates() const;

  ServeOptions options;
  // The states of the files just before they were read.
  std::vector<CertificateFile> certificate_files;
  service::MailService mail;
  std::vector<Listener> listeners;
  // What --shared-state needs; absent without it.
  std::optional<policy::RedisAccess> shared_state;
};

// Returns a warning if `certificate` has expired at `now`, or expires in less
// than 14 days. Otherwise returns "".
std::string ExpiryWarning(const net::TlsCertificate& certificate,
                          absl::Time now);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_SERVE_SERVICE_SNAPSHOT_H_
