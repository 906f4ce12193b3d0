// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Notices renewed and expiring certificates while a server runs.

#ifndef POSTERN_PROGRAMS_SERVE_CERTIFICATE_WATCH_H_
#define POSTERN_PROGRAMS_SERVE_CERTIFICATE_WATCH_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "programs/serve/service_snapshot.h"

namespace postern::programs {

// Thread-compatible.
class CertificateWatch {
 public:
  // How often the server calls Look(). A program that renews a certificate
  // replaces its files in several steps; a pair that does not match is tried
  // again after this time.
  static constexpr absl::Duration kInterval = absl::Minutes(1);

  // `now` is the time of the start, which logs the expiry itself.
  explicit CertificateWatch(absl::Time now) : warned_(now) {}

  struct Seen {
    // With renewed certificates. Null: the current snapshot stays in use.
    std::shared_ptr<const ServiceSnapshot> renewed;
    std::vector<std::string> warnings;  // for the log
  };
  // Reads the certificates again if a file of `current` has changed since it
  // was read. What the start would warn of is a warning. An error is a warning,
  // which is repeated only after a further change, and the next call tries
  // again. Once a day, there is a warning about each certificate that expires
  // soon. Blocks on the disk.
  Seen Look(const ServiceSnapshot& current, absl::Time now);

 private:
  absl::Time warned_;  // about the expiry
  // The states of the files at the last failure.
  std::vector<ServiceSnapshot::CertificateFile> failed_;
};

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_SERVE_CERTIFICATE_WATCH_H_
