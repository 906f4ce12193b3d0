// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Who may send to whom: the rules of qmail-smtpd and of authenticated sessions,
// as checks. The list is in policy/check_list.cc. The first of these rules that
// applies decides about a recipient:
//   0. the recipient or the sender contains a control character: refuse;
//   1. the sender is in badmailfrom: refuse, also for relay clients. So are
//      recipients in badrcptto, and clients in badhelo (list_checks.h);
//   2. RELAYCLIENT is set: accept, and append its value to the address;
//   3. the session is authenticated: accept;
//   4. the recipient has no domain (a local name): accept;
//   5. the recipient's domain is in rcpthosts: accept;
//   6. the recipient's domain is in morercpthosts.cdb: accept;
//   7. there is no rcpthosts, and --open-relay is given: accept;
//   8. otherwise: refuse.
// After 2, 3 and 7 a remote recipient that the delivery does not serve is
// refused.
//
// Before these rules, localiphost replaces an address literal of this host, in
// senders as well. The domain is what follows the last '@' of the text that the
// queue gets, even if a parser split the address elsewhere. ParsePath() accepts
// neither control characters nor a '@' without a domain; these checks do not
// rely on that.
//
// With a SenderList, a user may only use senders that belong to the user. MAIL
// with another sender gets a 553, whatever the recipients are. RELAYCLIENT does
// not change that. Sessions without a user are not affected.
//
// If a file cannot be read, a check refuses temporarily (421) and closes the
// connection. If a temporary DNS error left the client without a host name, 8
// refuses temporarily (451), because a rule for the host name might accept the
// recipient.

#ifndef POSTERN_POLICY_RELAY_CHECKS_H_
#define POSTERN_POLICY_RELAY_CHECKS_H_

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/grammar/path.h"
#include "engine/grammar/reply.h"
#include "policy/check.h"

namespace postern::policy {

using MadeCheck = absl::StatusOr<std::unique_ptr<const Check>>;

// Refuses clients that tcpserver's rules deny: SessionInfo::denied.
MadeCheck MakeDeniedClients(const CheckSetup& setup);
// Replaces addresses. Refuses only if this host's addresses cannot be listed.
MadeCheck MakeLocalIpHost(const CheckSetup& setup);
// The check of senders. Null without a SenderList.
MadeCheck MakeSenders(const CheckSetup& setup);
// The rules 0 to 8 of the list above, and the check that follows them.
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

// Returns an error unless `value` can be appended to recipients. It must be
// printable ASCII, because it becomes part of envelopes. It must not end in
// '@', because the address would have an empty domain. Call this before
// serving.
absl::Status ValidateRelayClient(absl::string_view value);

// Splits an address as a program that reads it from an envelope does: the
// domain is what follows the last '@'. A '@' at the end stays in the local
// part: "u@" must not become "u", which is a local name.
Path SplitAddress(absl::string_view text);

// Returns whether `path` has no domain, nor a '@' in its local part.
bool IsLocalName(const Path& path);

// Returns whether `path` contains a control character.
bool HasControlCharacter(const Path& path);

// Returns the last reply of a session that ends because this host's own
// addresses cannot be listed.
Reply NoAddressesReply();

}  // namespace postern::policy

#endif  // POSTERN_POLICY_RELAY_CHECKS_H_
