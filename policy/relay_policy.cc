// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/relay_policy.h"

#include <utility>
#include <variant>

#include "absl/status/statusor.h"
#include "engine/path.h"
#include "engine/verdict.h"

namespace postern::policy {

RelayPolicy::RelayPolicy(std::shared_ptr<const RelayRules> rules,
                         Observer observer)
    : rules_(std::move(rules)), observer_(std::move(observer)) {}

void RelayPolicy::Decide(const Ask& ask, const SharedSessionInfo& session,
                         Done done) {
  if (const auto* mail = std::get_if<Mail>(&ask.what)) {
    return std::move(done)(DecideMail(*mail));
  }
  if (const auto* rcpt = std::get_if<Rcpt>(&ask.what)) {
    return std::move(done)(DecideRcpt(*rcpt, *session));
  }
  std::move(done)(Verdict::Accept());
}

Verdict RelayPolicy::DecideMail(const Mail& mail) const {
  const absl::StatusOr<Path> from = rules_->ReplaceLiteral(mail.from);
  if (!from.ok()) return Verdict::Drop(NoAddressesReply());
  return *from == mail.from ? Verdict::Accept() : Verdict::AcceptAs(*from);
}

Verdict RelayPolicy::DecideRcpt(const Rcpt& rcpt,
                                const SessionInfo& session) const {
  Decision decision = rules_->Decide(rcpt, session);
  if (observer_) observer_(decision, session);
  switch (decision.kind) {
    case Verdict::Kind::kAccept:
      return decision.to == rcpt.to ? Verdict::Accept()
                                    : Verdict::AcceptAs(std::move(decision.to));
    case Verdict::Kind::kRefuse:
      return Verdict::Refuse(std::move(decision.reply));
    case Verdict::Kind::kDrop:
      return Verdict::Drop(std::move(decision.reply));
  }
  return Verdict::Refuse(std::move(decision.reply));
}

}  // namespace postern::policy
