// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Who may send to whom: qmail-smtpd's rules and the authenticated session.
//
// For each recipient, the first of these that applies decides:
//   0. the recipient or the sender holds a control character: refused;
//   1. the sender is in badmailfrom: refused, relay clients included;
//   2. RELAYCLIENT is set: accepted, its value appended to the address;
//   3. the session has authenticated: accepted;
//   4. the recipient has no domain, a local name: accepted;
//   5. its domain is in rcpthosts: accepted;
//   6. its domain is in morercpthosts.cdb: accepted;
//   7. there is no rcpthosts, and that was asked for: accepted;
//   8. refused.
// An address literal that is ours becomes localiphost before any of that, in
// senders too. The domain is what stands behind the last '@' of the text that
// the queue gets, whatever a parser made of it before. ParsePath() lets no
// control character pass, nor a '@' without a domain; that these rules hold
// without it is the second lock on the same door.
//
// For each sender, where there is a SenderList: a session that has
// authenticated may send as what belongs to its user, and is refused (553) at
// MAIL otherwise, whatever its recipients. RELAYCLIENT changes nothing about
// that, and nobody else is asked.

#ifndef POSTERN_POLICY_RELAY_RULES_H_
#define POSTERN_POLICY_RELAY_RULES_H_

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/event.h"
#include "engine/grammar/path.h"
#include "engine/grammar/reply.h"
#include "engine/session_info.h"
#include "policy/control/controls.h"
#include "policy/decision.h"
#include "policy/own_addresses.h"

namespace postern::policy {

// The rules as they stood when the control files were read. New controls are a
// new object.
//
// Thread-safety: const methods may be called from any thread at any time; they
// may read a file, and wait for no more than that.
class RelayRules {
 public:
  // Neither may be null.
  RelayRules(std::shared_ptr<const Controls> controls,
             std::shared_ptr<const OwnAddresses> own_addresses);

  // Returns the decision about `rcpt`. Refuses for now (421) and closes the
  // connection when a rule cannot be asked: that is never an acceptance. Where
  // the client's name could not be looked up for now, so is what would be
  // refused: with the name, it may be allowed.
  Decision Decide(const Rcpt& rcpt, const SessionInfo& session) const;

  // Refuses `*decision`, an acceptance, with 550 5.7.1 if its recipient is
  // remote and was accepted only because the client may relay: for a delivery
  // that does not serve it (Delivery::ServesRemote()). A recipient is local if
  // it has no domain, or if rcpthosts or morercpthosts.cdb lists its domain.
  // Refuses for now (421) if these cannot be read.
  void RefuseRemote(Decision* decision) const;

  // Returns the decision about a sender. Of an acceptance `from` alone counts:
  // recipients have yet to be decided on. Refuses for now (421), and closes the
  // connection, as above.
  Decision DecideMail(const Mail& mail, const SessionInfo& session) const;

  // Return whether the decision may read morercpthosts.cdb, or senders.cdb: it
  // must not be taken where nothing may wait for a disk.
  // `refuse_remote`: RefuseRemote() may follow.
  bool ReadsDatabase(const Rcpt& rcpt, const SessionInfo& session,
                     bool refuse_remote) const;
  bool ReadsDatabase(const Mail& mail, const SessionInfo& session) const;

 private:
  // Puts localiphost in place of an address literal that is this host's. An
  // error: this host's addresses cannot be listed; the reply to that is
  // NoAddressesReply().
  absl::Status ReplaceLiteral(Path* path) const;
  // Completes a `decision` that has its addresses. RELAYCLIENT changes its
  // `to`.
  void Apply(const SessionInfo& session, Decision* decision) const;
  // Rules 4 to 8.
  void ApplyHostLists(const SessionInfo& session, Decision* decision) const;

  std::shared_ptr<const Controls> controls_;
  std::shared_ptr<const OwnAddresses> own_addresses_;
};

// Returns an error unless `value` can be appended to recipients: it must be
// printable ASCII, since it goes into envelopes, and not end in '@', which
// would leave an address whose domain is missing. Check it before serving.
absl::Status ValidateRelayClient(absl::string_view value);

// Returns the reply for sessions that end because this host's own addresses
// cannot be listed.
Reply NoAddressesReply();

}  // namespace postern::policy

#endif  // POSTERN_POLICY_RELAY_RULES_H_
