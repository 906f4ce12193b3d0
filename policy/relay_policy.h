// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// RelayRules as a Policy of the engine.

#ifndef POSTERN_POLICY_RELAY_POLICY_H_
#define POSTERN_POLICY_RELAY_POLICY_H_

#include <memory>

#include "absl/functional/any_invocable.h"
#include "engine/delivery.h"
#include "engine/event.h"
#include "engine/policy.h"
#include "engine/session_info.h"
#include "policy/decision.h"
#include "policy/relay_rules.h"
#include "system/run.h"

namespace postern::policy {

// Answers Mail and Rcpt by RelayRules, and accepts everything else. A MAIL from
// a sender in badmailfrom is accepted, since qmail-smtpd refuses its
// recipients. Every answer of its own comes before Decide() returns, but for
// decisions that read a database: those are taken by `run`, if there is one.
//
// Recipients that the rules accept are shown to `mailboxes`, if there is one,
// as the envelope will have them. What that refuses is refused, and is one
// decision with the rules': nobody is told of an acceptance that was none.
//
// Recipients that are accepted only because the client may relay are refused if
// `delivery`, where there is one, does not serve them:
// RelayRules::RefuseRemote() says how.
//
// Thread-safety: shared by any number of sessions and threads, if its observer
// is thread-safe.
class RelayPolicy : public Policy {
 public:
  // Is told of each decision about a recipient, and of each sender that is not
  // accepted, once, before it is answered.
  using Observer =
      absl::AnyInvocable<void(const Decision&, const SessionInfo&) const>;

  // `rules` may not be null; the others may. `mailboxes` and `delivery` must
  // outlive this, and this every open decision.
  RelayPolicy(std::shared_ptr<const RelayRules> rules, Observer observer,
              Policy* mailboxes = nullptr, system::Run run = nullptr,
              const Delivery* delivery = nullptr);

  void Decide(const Ask& ask, const SharedSessionInfo& session,
              Done done) override;

 private:
  // Whether the delivery serves `remote`, a recipient of another host.
  bool Serves(const Path& remote) const;
  bool ReadsDatabase(const Ask& ask, const SessionInfo& session) const;
  void DecideHere(const Ask& ask, const SharedSessionInfo& session, Done done);
  Verdict DecideMail(const Mail& mail, const SessionInfo& session) const;
  // Tells the observer, and returns `decision` about `rcpt` as an answer.
  Verdict Answer(Decision decision, const Path& rcpt,
                 const SessionInfo& session) const;

  const std::shared_ptr<const RelayRules> rules_;
  const Observer observer_;
  Policy* const mailboxes_;
  const system::Run run_;
  const Delivery* const delivery_;
};

}  // namespace postern::policy

#endif  // POSTERN_POLICY_RELAY_POLICY_H_
