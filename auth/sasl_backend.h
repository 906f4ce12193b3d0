// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Authenticates clients with Cyrus SASL, configured by the file postern.conf
// (auth/sasl_library.h).

#ifndef POSTERN_AUTH_SASL_BACKEND_H_
#define POSTERN_AUTH_SASL_BACKEND_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "auth/backend.h"
#include "auth/sasl_library.h"
#include "auth/sasl_options.h"
#include "engine/authenticator.h"
#include "engine/session_info.h"

namespace postern::auth {

// An identity is user@realm, no matter how the client writes the name and which
// mechanism it uses: "alice", " alice" and "alice@example.org" are the same
// user if example.org is the first realm. A name with two '@' belongs to no
// user. This class refuses a realm that is not listed, because saslauthd
// without -r ignores the realm, and would accept alice@elsewhere as alice.
//
// EXTERNAL (RFC 4422 A) authenticates the complete subject of the client's
// certificate as in TlsInfo::peer_subject: "CN=alice,O=Example". The subject is
// used unchanged, so no other code must parse it. It contains a '=', and no
// realm is added, so it does not look like a user's name. A client that
// requests another identity, or that has no certificate, is refused.
//
// The backend does not offer ANONYMOUS, nor mechanisms that are not in
// mech_list of postern.conf. It never agrees on a security layer.
//
// The reply to a wrong password and to an unknown user is the same. With sasldb
// the time is the same as well, except for SCRAM. SCRAM needs the user's salt
// for its first challenge: an unknown user is refused at once, while for a
// known user the server computes 4,096 rounds of a hash and sends a challenge.
// With saslauthd the time depends on saslauthd. If names of users must stay
// secret, leave SCRAM out of mech_list.
//
// A client gets a 454 during an outage: saslauthd does not answer, a file
// cannot be read, or a plug-in is missing. `report` gets the reason. saslauthd
// itself can answer only yes or no, so its own outages cause a 535.
//
// Thread-safe. Calls block as long as the library does. Exchanges may outlive
// this object. The process must ignore SIGPIPE, because the library may write
// to a saslauthd that has ended.
class SaslBackend : public Backend {
 public:
  // Starts the library if it is not started. Returns the errors of
  // SaslLibrary::Start(); InvalidArgument if host_name is empty; NotFound if a
  // mechanism of `options.mechanisms` is not available, or if there is no
  // mechanism at all.
  static absl::StatusOr<std::shared_ptr<SaslBackend>> Open(SaslOptions options);

  // In the order of SaslOptions::mechanisms. If that is empty: first the
  // mechanisms that show no secret, those with the longest hash first.
  std::vector<Mechanism> mechanisms() const override;

  std::unique_ptr<AuthExchange> Begin(
      absl::string_view mechanism, const SharedSessionInfo& session) override;

 private:
  SaslBackend(std::shared_ptr<const SaslOptions> options,
              const SaslLibrary* library)
      : options_(std::move(options)), library_(library) {}
  absl::Status ChooseMechanisms();

  const std::shared_ptr<const SaslOptions> options_;  // has at least one realm
  const SaslLibrary* const library_;
  std::vector<SaslMechanism> mechanisms_;
};

}  // namespace postern::auth

#endif  // POSTERN_AUTH_SASL_BACKEND_H_
