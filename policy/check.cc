// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/check.h"

#include <algorithm>
#include <string>
#include <utility>

namespace postern::policy {

absl::string_view StageName(CheckStage stage) {
  switch (stage) {
    case CheckStage::kConnect:
      return "connect";
    case CheckStage::kHello:
      return "hello";
    case CheckStage::kMail:
      return "mail";
    case CheckStage::kRcpt:
      return "rcpt";
    case CheckStage::kData:
      return "data";
    case CheckStage::kVerb:
      return "verb";
  }
  return "";
}

std::optional<CheckStage> StageOf(const Ask& ask) {
  if (std::holds_alternative<Connected>(ask.what)) return CheckStage::kConnect;
  if (std::holds_alternative<Hello>(ask.what)) return CheckStage::kHello;
  if (std::holds_alternative<Mail>(ask.what)) return CheckStage::kMail;
  if (std::holds_alternative<Rcpt>(ask.what)) return CheckStage::kRcpt;
  if (std::holds_alternative<BodyBegin>(ask.what)) return CheckStage::kData;
  if (std::holds_alternative<Other>(ask.what)) return CheckStage::kVerb;
  return std::nullopt;
}

Question::Question(const Ask& ask, const SharedSessionInfo& session)
    : ask_(ask), session_(session) {
  static const Path& none = *new Path;
  from_ = to_ = &none;
  if (const auto* mail = std::get_if<Mail>(&ask.what)) from_ = &mail->from;
  if (const auto* rcpt = std::get_if<Rcpt>(&ask.what)) {
    from_ = &rcpt->from;
    to_ = &rcpt->to;
  }
  if (const auto* begin = std::get_if<BodyBegin>(&ask.what)) {
    from_ = &begin->from;
    to_ = &begin->to;
  }
}

void Question::Continue(Question other) {
  new_from_ = std::move(other.new_from_);
  new_to_ = std::move(other.new_to_);
  header_ = std::move(other.header_);
  accepted_by_ = other.accepted_by_;
}

const std::string* FindVariable(const SessionInfo& session,
                                absl::string_view name) {
  const auto& variables = session.environment;
  const auto found = std::find_if(
      variables.rbegin(), variables.rend(),
      [name](const auto& variable) { return variable.first == name; });
  return found == variables.rend() ? nullptr : &found->second;
}

bool MayRelay(const SessionInfo& session) {
  return session.relay_client.has_value() || !session.identity.empty();
}

Verdict Outage(const absl::Status& status) {
  return Verdict::Drop({421, {4, 3, 0}, "unable to read controls (#4.3.0)"})
      .From(std::string(status.message()));
}

Verdict NoAnswer(EnhancedCode code, absl::string_view text,
                 std::string source) {
  return Verdict::Refuse({451, code, std::string(text)})
      .From(std::move(source));
}

void Check::DecideLater(Question*, Done done) const {
  std::move(done)(Outage(
      absl::InternalError("the check does not implement DecideLater()")));
}

Opinion BlockingCheck::Decide(Question* question) const {
  if (run_ && Waits(*question)) return AnswersLater{};
  return Look(question);
}

void BlockingCheck::DecideLater(Question* question, Done done) const {
  run_([this, question, done = std::move(done)]() mutable {
    std::move(done)(Look(question));
  });
}

}  // namespace postern::policy
