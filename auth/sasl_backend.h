// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Clients that are known to Cyrus SASL: its mechanisms, and whatever it asks of
// users, by the file postern.conf (auth/sasl_library.h).

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

// Identities are user@realm, whichever way a user writes its name and whichever
// mechanism it uses: "alice", " alice" and "alice@example.org" are one where
// example.org is the first realm. Names with two '@' are nobody's. A realm that
// is not listed is refused here: saslauthd without -r does not look at it, and
// would grant alice@elsewhere to whoever is alice.
//
// EXTERNAL (RFC 4422 A) proves the subject of the client's certificate, all of
// it, as TlsInfo::peer_subject has it: "CN=alice,O=Example". Nothing is cut out
// of it, so it needs no second reader, and since it holds a '=' and no realm is
// put behind it, it is no user's name by accident. A client that names another
// identity than that is refused, as is one that has no certificate.
//
// Not offered: ANONYMOUS, and what is not in mech_list of postern.conf. No
// security layer is ever agreed on.
//
// For a wrong password and for a user that does not exist the reply is one, and
// with sasldb the time too, but for SCRAM: it needs a user's salt for its first
// challenge, so a user that does not exist is refused where another has 4,096
// rounds of a hash and a challenge. With saslauthd it takes what that takes.
// Where names are not for everyone to know, leave SCRAM out of mech_list.
//
// 454 where nothing can be told: saslauthd that does not answer, files that
// cannot be read, plug-ins that are missing; `report` hears why. What saslauthd
// itself cannot tell is 535 all the same, since its answer is a yes or a no.
//
// Thread-safe; waits as long as the library does. Exchanges may outlive this.
// The process ignores SIGPIPE: the library writes to a saslauthd that may be
// gone.
class SaslBackend : public Backend {
 public:
  // Starts the library, if it was not. Every error of SaslLibrary::Start();
  // InvalidArgument for an empty host_name; NotFound for a mechanism in
  // `options.mechanisms` that is not to be had, and where there is none at all.
  static absl::StatusOr<std::shared_ptr<SaslBackend>> Open(SaslOptions options);

  // Unless SaslOptions::mechanisms has an order: those that show no secret
  // first, and of them those of the longest hash.
  std::vector<Mechanism> mechanisms() const override;

  std::unique_ptr<AuthExchange> Begin(
      absl::string_view mechanism, const SharedSessionInfo& session) override;

 private:
  SaslBackend(std::shared_ptr<const SaslOptions> options,
              const SaslLibrary* library)
      : options_(std::move(options)), library_(library) {}
  absl::Status ChooseMechanisms();

  const std::shared_ptr<const SaslOptions> options_;  // with one realm at least
  const SaslLibrary* const library_;
  std::vector<SaslMechanism> mechanisms_;
};

}  // namespace postern::auth

#endif  // POSTERN_AUTH_SASL_BACKEND_H_
