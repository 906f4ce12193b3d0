// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Who may send to whom: qmail-smtpd's rules and the authenticated session, as
// checks. policy/check_list.cc has their order; it decides for a recipient by
// the first of these that applies:
//   0. the recipient or the sender holds a control character: refused;
//   1. the sender is in badmailfrom: refused, relay clients included;
//   2. RELAYCLIENT is set: accepted, its value appended to the address;
//   3. the session has authenticated: accepted;
//   4. the recipient has no domain, a local name: accepted;
//   5. its domain is in rcpthosts: accepted;
//   6. its domain is in morercpthosts.cdb: accepted;
//   7. there is no rcpthosts, and that was asked for: accepted;
//   8. refused.
// What 2, 3 and 7 have accepted is refused after all if it is of another host
// and the delivery does not serve it.
//
// An address literal that is ours becomes localiphost before any of that, in
// senders too. The domain is what follows the last '@' of the text that the
// queue gets, whatever a parser made of it before. ParsePath() lets no control
// character pass, nor a '@' without a domain; that these checks hold without it
// is the second lock on the same door.
//
// For each sender, where there is a SenderList: a session that has
// authenticated may send as what belongs to its user, and is refused (553) at
// MAIL otherwise, whatever its recipients. RELAYCLIENT changes nothing about
// that. Sessions without a user are not affected.
//
// Where a file cannot be read, a check refuses for now (421) and closes the
// connection: that is never an acceptance. Where the client's name could not be
// looked up for now, what would be refused is refused for now: with the name,
// it may be allowed.

#ifndef POSTERN_POLICY_RELAY_CHECKS_H_
#define POSTERN_POLICY_RELAY_CHECKS_H_

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/grammar/reply.h"
#include "policy/check.h"

namespace postern::policy {

using MadeCheck = absl::StatusOr<std::unique_ptr<const Check>>;

// Refuses clients that tcpserver's rules deny: SessionInfo::denied.
MadeCheck MakeDeniedClients(const CheckSetup& setup);
// Renames, and has no opinion unless this host's addresses cannot be listed.
MadeCheck MakeLocalIpHost(const CheckSetup& setup);
// The check of senders; null without a SenderList.
MadeCheck MakeSenders(const CheckSetup& setup);
// 0 to 8 of the list above, and what follows them.
MadeCheck MakeBadAddress(const CheckSetup& setup);
MadeCheck MakeBadMailFrom(const CheckSetup& setup);
MadeCheck MakeRelayClient(const CheckSetup& setup);
MadeCheck MakeAuthenticated(const CheckSetup& setup);
MadeCheck MakeLocalName(const CheckSetup& setup);
MadeCheck MakeRcptHosts(const CheckSetup& setup);
MadeCheck MakeMoreRcptHosts(const CheckSetup& setup);
MadeCheck MakeOpenRelay(const CheckSetup& setup);
MadeCheck MakeNotListed(const CheckSetup& setup);
MadeCheck MakeNoRelay(const CheckSetup& setup);

// Returns an error unless `value` can be appended to recipients: it must be
// printable ASCII, since it goes into envelopes, and not end in '@', which
// would leave an address whose domain is missing. Check it before serving.
absl::Status ValidateRelayClient(absl::string_view value);

// Returns the reply for sessions that end because this host's own addresses
// cannot be listed.
Reply NoAddressesReply();

}  // namespace postern::policy

#endif  // POSTERN_POLICY_RELAY_CHECKS_H_
