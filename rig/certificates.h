// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The certificates of a rig: an authority of its own, and a certificate of each
// kind, made when they are needed first.

#ifndef POSTERN_RIG_CERTIFICATES_H_
#define POSTERN_RIG_CERTIFICATES_H_

#include <array>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "net/issued_certificate.h"
#include "net/tls_context.h"
#include "net/tls_files.h"
#include "rig/fault.h"

namespace postern::rig {

// Thread-safe. Keys are P-256: one certificate takes a fraction of a
// millisecond.
class Certificates {
 public:
  // `names`: host names and IP addresses, the first of which is also the common
  // name.
  explicit Certificates(std::vector<std::string> names);
  // Removes the directory of files.
  ~Certificates();
  Certificates(const Certificates&) = delete;
  Certificates& operator=(const Certificates&) = delete;

  // The certificate of the authority, PEM.
  absl::StatusOr<std::string> Authority();
  // Returns the path of a PEM file with it. It is in a temporary directory,
  // which exists from the first call of one of the next two on.
  absl::StatusOr<std::string> AuthorityFile();
  // Returns new files with a certificate of the authority for a client, whose
  // subject is CN=`name`, and its key. kInvalidArgument: a name that has not 1
  // to 64 octets.
  absl::StatusOr<net::TlsFiles> Client(absl::string_view name);

  // Returns the server's side of TLS with a certificate of this kind.
  absl::StatusOr<std::shared_ptr<const net::TlsContext>> Context(
      CertificateKind kind);

 private:
  using Issued = net::IssuedCertificate;

  absl::StatusOr<const Issued*> AuthorityLocked();
  absl::StatusOr<Issued> Make(CertificateKind kind);
  // With the lock held.
  absl::StatusOr<std::string> Write(absl::string_view file,
                                    absl::string_view bytes);

  const std::vector<std::string> names_;
  std::mutex mutex_;
  // Guarded by mutex_:
  std::optional<Issued> authority_;
  std::array<std::shared_ptr<const net::TlsContext>, kCertificateKinds>
      contexts_;
  std::string directory_;
  std::string authority_file_;
  int clients_ = 0;
};

}  // namespace postern::rig

#endif  // POSTERN_RIG_CERTIFICATES_H_
