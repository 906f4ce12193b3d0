// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/relay_policy.h"

#include <utility>
#include <variant>

#include "engine/grammar/path.h"
#include "engine/verdict.h"

namespace postern::policy {

RelayPolicy::RelayPolicy(std::shared_ptr<const RelayRules> rules,
                         Observer observer, Policy* mailboxes, system::Run run,
                         const Delivery* delivery)
    : rules_(std::move(rules)),
      observer_(std::move(observer)),
      mailboxes_(mailboxes),
      run_(std::move(run)),
      delivery_(delivery) {}

bool RelayPolicy::Serves(const Path& remote) const {
  return delivery_ == nullptr || delivery_->ServesRemote(remote);
}

bool RelayPolicy::ReadsDatabase(const Ask& ask,
                                const SessionInfo& session) const {
  if (const auto* mail = std::get_if<Mail>(&ask.what)) {
    return rules_->ReadsDatabase(*mail, session);
  }
  const auto* rcpt = std::get_if<Rcpt>(&ask.what);
  if (rcpt == nullptr) return false;
  return rules_->ReadsDatabase(*rcpt, session, /*refuse_remote=*/
                               !Serves(rcpt->to));
}

void RelayPolicy::Decide(const Ask& ask, const SharedSessionInfo& session,
                         Done done) {
  if (!run_ || !ReadsDatabase(ask, *session)) {
    return DecideHere(ask, session, std::move(done));
  }
  run_([this, ask, session, done = std::move(done)]() mutable {
    DecideHere(ask, session, std::move(done));
  });
}

void RelayPolicy::DecideHere(const Ask& ask, const SharedSessionInfo& session,
                             Done done) {
  if (const auto* mail = std::get_if<Mail>(&ask.what)) {
    return std::move(done)(DecideMail(*mail, *session));
  }
  const auto* rcpt = std::get_if<Rcpt>(&ask.what);
  if (rcpt == nullptr) return std::move(done)(Verdict::Accept());
  Decision decision = rules_->Decide(*rcpt, *session);
  decision.message = rcpt->message;
  if (decision.accepted() && !Serves(decision.to)) {
    rules_->RefuseRemote(&decision);
  }
  if (mailboxes_ == nullptr || !decision.accepted()) {
    return std::move(done)(Answer(std::move(decision), rcpt->to, *session));
  }
  Ask about = ask;
  std::get<Rcpt>(about.what).to = decision.to;
  mailboxes_->Decide(
      about, session,
      [this, decision = std::move(decision), to = rcpt->to, session,
       done = std::move(done)](const Verdict& verdict) mutable {
        if (!verdict.accepted()) {
          decision.kind = verdict.kind();
          decision.rule = Rule::kMailbox;
          decision.source = std::string(verdict.source());
          decision.reply = *verdict.reply();
        }
        std::move(done)(Answer(std::move(decision), to, *session));
      });
}

Verdict RelayPolicy::DecideMail(const Mail& mail,
                                const SessionInfo& session) const {
  Decision decision = rules_->DecideMail(mail, session);
  decision.message = mail.message;
  if (!decision.accepted()) return Answer(std::move(decision), {}, session);
  return decision.from == mail.from
             ? Verdict::Accept()
             : Verdict::AcceptAs(std::move(decision.from));
}

Verdict RelayPolicy::Answer(Decision decision, const Path& rcpt,
                            const SessionInfo& session) const {
  if (observer_) observer_(decision, session);
  switch (decision.kind) {
    case Verdict::Kind::kAccept:
      return decision.to == rcpt ? Verdict::Accept()
                                 : Verdict::AcceptAs(std::move(decision.to));
    case Verdict::Kind::kRefuse:
      return Verdict::Refuse(std::move(decision.reply));
    case Verdict::Kind::kDrop:
      return Verdict::Drop(std::move(decision.reply));
  }
  return Verdict::Refuse(std::move(decision.reply));
}

}  // namespace postern::policy
