// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "service/mail_session.h"

#include <optional>
#include <utility>
#include <variant>

#include "log/log.h"
#include "log/refusal_line.h"
#include "policy/decision.h"

namespace postern::service {

MailSession::MailSession(const MailService& service,
                         const MailService::Outlet& outlet)
    : service_(service),
      outlet_(outlet),
      delivery_(outlet.delivery.get(), service.metrics, service.messages) {}

ResponderOptions MailSession::responder() {
  ResponderOptions options;
  options.policy = outlet_.policy.get();
  options.delivery = &delivery_;
  options.host_name = service_.host_name;
  options.show_user = service_.show_user;
  if (service_.authenticator != nullptr) options.authenticator = this;
  options.stamp = [this] { return delivery_.Stamp(); };
  options.refused = [](const Refusal& refusal, const SessionInfo& info) {
    log::WriteLog(log::LogRefusal(refusal, info, log::LineStyle()));
  };
  options.decided = [this](const Ask& ask, const Verdict& verdict,
                           const SessionInfo& info) {
    OnDecided(ask, verdict, info);
  };
  return options;
}

void MailSession::OnDecided(const Ask& ask, const Verdict& verdict,
                            const SessionInfo& info) {
  std::optional<Count> count;
  if (std::holds_alternative<Hello>(ask.what)) count = kHello;
  if (std::holds_alternative<StartTls>(ask.what)) count = kStartTls;
  if (std::holds_alternative<Mail>(ask.what)) count = kMail;
  if (std::holds_alternative<Rcpt>(ask.what)) count = kRcpt;
  if (std::holds_alternative<BodyBegin>(ask.what)) count = kData;
  if (std::holds_alternative<Verify>(ask.what)) count = kVerify;
  if (count) {
    ++asked_[*count];
    if (verdict.accepted()) ++accepted_[*count];
  }
  // The message's own line shows a refusal by the delivery.
  if (verdict.rule().empty() && std::holds_alternative<BodyBegin>(ask.what)) {
    return;
  }
  const std::optional<policy::Decision> decision =
      policy::DecisionToLog(ask, verdict);
  if (!decision) return;
  if (service_.metrics != nullptr) service_.metrics->CountDecision(*decision);
  log::WriteLog(policy::LogDecision(*decision, info, log::LineStyle()));
}

std::unique_ptr<AuthExchange> MailSession::Begin(
    absl::string_view mechanism, const SharedSessionInfo& session) {
  ++asked_[kAuth];
  return service_.authenticator->Begin(mechanism, session);
}

void MailSession::AppendCounts(const SessionInfo& info,
                               log::LogLine* line) const {
  constexpr absl::string_view kNames[kCounts] = {
      "ehlo", "starttls", "auth", "mail", "rcpt", "data", "vrfy"};
  for (size_t i = 0; i < kCounts; ++i) {
    if (asked_[i] == 0) continue;
    const bool granted = i == kAuth && !info.identity.empty();
    line->Fraction(kNames[i], granted ? 1 : accepted_[i], asked_[i]);
  }
}

}  // namespace postern::service
