// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/decision.h"

#include <utility>
#include <variant>

namespace postern::policy {
namespace {

absl::string_view KindName(Verdict::Kind kind) {
  switch (kind) {
    case Verdict::Kind::kAccept:
      return "accept";
    case Verdict::Kind::kRefuse:
      return "refuse";
    case Verdict::Kind::kDrop:
      return "drop";
  }
  return "";
}

constexpr struct {
  NameStatus status;
  absl::string_view text;
} kStatuses[] = {
    {NameStatus::kNone, "none"},
    {NameStatus::kUnchecked, "unchecked"},
    {NameStatus::kConfirmed, "confirmed"},
    {NameStatus::kTemporary, "temporary"},
    {NameStatus::kForged, "forged"},
};

}  // namespace

absl::string_view StatusText(NameStatus status) {
  for (const auto& row : kStatuses) {
    if (row.status == status) return row.text;
  }
  return "";
}

std::optional<NameStatus> FindNameStatus(absl::string_view text) {
  for (const auto& row : kStatuses) {
    if (row.text == text) return row.status;
  }
  return std::nullopt;
}

std::optional<Decision> DecisionToLog(const Ask& ask, const Verdict& verdict) {
  const std::optional<CheckStage> stage = StageOf(ask);
  if (!stage) return std::nullopt;
  if (verdict.accepted() && *stage != CheckStage::kRcpt) return std::nullopt;
  Decision decision;
  decision.stage = *stage;
  decision.kind = verdict.kind();
  decision.rule = std::string(verdict.rule());
  decision.source = verdict.source();
  decision.reply = verdict.reply().value_or(Reply{250, {2, 1, 5}, "ok"});
  if (const auto* mail = std::get_if<Mail>(&ask.what)) {
    decision.message = mail->message;
    decision.from = verdict.path().value_or(mail->from);
  } else if (const auto* rcpt = std::get_if<Rcpt>(&ask.what)) {
    decision.message = rcpt->message;
    decision.from = rcpt->from;
    decision.to = rcpt->to;
    if (verdict.path() && !(*verdict.path() == rcpt->to)) {
      decision.as = verdict.path();
    }
  } else if (const auto* begin = std::get_if<BodyBegin>(&ask.what)) {
    decision.message = begin->message;
    decision.from = begin->from;
  }
  return decision;
}

namespace {

// Appends everything that follows the decision itself.
void AddFields(const Decision& decision, const SessionInfo& session,
               log::LogLine* to) {
  log::LogLine& line = *to;
  line.Word("rule", decision.rule)
      .Sentence("source", decision.source, log::kMaxLoggedText)
      .Ip("ip", session.remote_address)
      .Text("host", session.remote_name, log::kMaxLoggedName);
  if (session.name_status != NameStatus::kNone) {
    line.Word("host-status", StatusText(session.name_status));
  }
  if (!session.hello_name.empty()) {
    line.Text("helo", session.hello_name, log::kMaxLoggedName);
  }
  if (!session.identity.empty()) {
    line.Text("user", session.identity, log::kMaxLoggedName);
  }
  if (decision.stage == CheckStage::kMail ||
      decision.stage == CheckStage::kRcpt ||
      decision.stage == CheckStage::kData) {
    line.Address("from", decision.from);
  }
  if (decision.stage == CheckStage::kRcpt) line.Address("to", decision.to);
  if (decision.as) line.Address("as", *decision.as, log::kMaxLoggedName);
  line.Answer("reply", decision.reply);
}

}  // namespace

log::LogLine LogDecision(const Decision& decision, const SessionInfo& session,
                         const log::LogStyle& style) {
  log::LogLine line(StageName(decision.stage), style,
                    {session.session_id, decision.message});
  line.Word("decision", KindName(decision.kind));
  AddFields(decision, session, &line);
  return line;
}

log::LogLine LogNoted(const Question& question, const Verdict& verdict,
                      const log::LogStyle& style) {
  const SessionInfo& session = question.session();
  const std::optional<Decision> decision =
      DecisionToLog(question.ask(), verdict);
  log::LogLine line("noted", style,
                    {session.session_id, decision ? decision->message : 0});
  if (decision) AddFields(*decision, session, &line);
  return line;
}

std::string FormatDecision(const Decision& decision,
                           const SessionInfo& session) {
  return LogDecision(decision, session, log::LogStyle()).End();
}

}  // namespace postern::policy
