// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/checks.h"

#include <utility>
#include <variant>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace postern::policy {
namespace {

// Adds the rule, the address if a check replaced it, and the header fields that
// the checks have added.
Verdict Complete(Verdict verdict, absl::string_view rule,
                 const Question& question) {
  verdict = std::move(verdict).By(rule);
  if (verdict.accepted() && !question.header().empty()) {
    verdict = std::move(verdict).AddHeader(question.header());
  }
  if (std::holds_alternative<Mail>(question.ask().what) &&
      question.renamed_from()) {
    return std::move(verdict).About(question.from());
  }
  if (question.renamed_to()) return std::move(verdict).About(question.to());
  return verdict;
}

}  // namespace

struct Checks::LateWalk {
  LateWalk(Walk so_far, Policy::Done answer)
      : ask(so_far.question.ask()),
        session(so_far.question.shared_session()),
        walk{Question(ask, session), so_far.checks, so_far.steps, so_far.next,
             std::move(so_far.accepted)},
        done(std::move(answer)) {
    walk.question.Continue(std::move(so_far.question));
  }

  const Ask ask;
  const SharedSessionInfo session;
  Walk walk;
  Policy::Done done;
};

absl::StatusOr<std::shared_ptr<Checks>> Checks::Make(
    const CheckSetup& setup, absl::Span<const CheckEntry> list,
    std::vector<absl::Status>* errors) {
  absl::Status first;
  Stages stages;
  std::array<size_t, kCheckStages> counts = {};
  for (const CheckEntry& entry : list) {
    ++counts[static_cast<size_t>(entry.row.stage)];
  }
  for (size_t i = 0; i < kCheckStages; ++i) stages[i].reserve(counts[i]);
  for (const CheckEntry& entry : list) {
    absl::StatusOr<std::unique_ptr<const Check>> check = entry.make(setup);
    if (!check.ok()) {
      first.Update(check.status());
      if (errors == nullptr) return first;
      errors->push_back(check.status());
      continue;
    }
    if (*check == nullptr) continue;
    stages[static_cast<size_t>(entry.row.stage)].push_back(
        {&entry.row, *std::move(check)});
  }
  if (!first.ok()) return first;
  return std::shared_ptr<Checks>(new Checks(std::move(stages)));
}

absl::StatusOr<std::shared_ptr<Checks>> Checks::ForDelivery(
    const CheckSetup& setup, absl::Span<const CheckEntry> list) const {
  Stages stages;
  for (const CheckEntry& entry : list) {
    const size_t stage = static_cast<size_t>(entry.row.stage);
    if (!entry.row.delivery) {
      for (const Entry& shared : stages_[stage]) {
        if (shared.row == &entry.row) stages[stage].push_back(shared);
      }
      continue;
    }
    absl::StatusOr<std::unique_ptr<const Check>> check = entry.make(setup);
    if (!check.ok()) return check.status();
    if (*check != nullptr) {
      stages[stage].push_back({&entry.row, *std::move(check)});
    }
  }
  return std::shared_ptr<Checks>(new Checks(std::move(stages)));
}

std::vector<const CheckRow*> Checks::InUse() const {
  std::vector<const CheckRow*> rows;
  for (const std::vector<Entry>& stage : stages_) {
    for (const Entry& entry : stage) rows.push_back(entry.row);
  }
  return rows;
}

std::optional<Verdict> Checks::Decide(const Ask& ask,
                                      const SharedSessionInfo& session,
                                      Policy::Later later) {
  return Explain(ask, session, nullptr, later);
}

std::optional<Verdict> Checks::Explain(const Ask& ask,
                                       const SharedSessionInfo& session,
                                       std::vector<CheckStep>* steps,
                                       Policy::Later later) {
  const std::optional<CheckStage> stage = StageOf(ask);
  if (!stage) return Verdict::Accept();
  Walk walk{Question(ask, session), stages_[static_cast<size_t>(*stage)],
            steps};
  std::optional<Verdict> verdict = Go(&walk);
  if (!verdict) {
    AwaitNext(std::make_shared<LateWalk>(std::move(walk), later()));
  }
  return verdict;
}

std::optional<Verdict> Checks::Go(Walk* walk) {
  Question& question = walk->question;
  for (; walk->next < walk->checks.size(); ++walk->next) {
    const Entry& entry = walk->checks[walk->next];
    if (entry.row->accepts && walk->accepted) {
      if (walk->steps != nullptr) walk->steps->push_back({entry.row, false});
      continue;
    }
    Opinion opinion = entry.check->Decide(&question);
    if (std::holds_alternative<AnswersLater>(opinion)) return std::nullopt;
    if (auto verdict = Take(std::move(opinion), walk)) return verdict;
  }
  if (walk->accepted) {
    return Complete(*std::move(walk->accepted), question.accepted_by(),
                    question);
  }
  if (std::holds_alternative<Other>(question.ask().what)) {
    return Complete(Verdict::Refuse({502, {5, 5, 1}, "unimplemented (#5.5.1)"}),
                    "none", question);
  }
  if (!std::holds_alternative<Rcpt>(question.ask().what)) {
    return Complete(Verdict::Accept(), "", question);
  }
  return Complete(Verdict::Refuse({550, {5, 7, 1}, "relaying denied (#5.7.1)"}),
                  "none", question);
}

std::optional<Verdict> Checks::Take(Opinion&& opinion, Walk* walk) {
  const CheckRow& row = *walk->checks[walk->next].row;
  if (std::holds_alternative<AnswersLater>(opinion)) {
    opinion = Outage(absl::InternalError("the check gave no answer"));
  }
  if (walk->steps != nullptr) {
    CheckStep& step = walk->steps->emplace_back(CheckStep{&row});
    if (const auto* given = std::get_if<Verdict>(&opinion)) {
      step.verdict = *given;
    }
  }
  if (std::holds_alternative<NoOpinion>(opinion)) return std::nullopt;
  auto& verdict = std::get<Verdict>(opinion);
  if (!verdict.accepted()) {
    return Complete(std::move(verdict), row.rule, walk->question);
  }
  if (!row.accepts) return std::nullopt;
  if (verdict.path()) walk->question.set_to(*verdict.path());
  walk->question.set_accepted_by(row.rule);
  walk->accepted = std::move(verdict);
  return std::nullopt;
}

void Checks::AwaitNext(std::shared_ptr<LateWalk> late) {
  Walk& walk = late->walk;
  walk.checks[walk.next].check->DecideLater(
      &walk.question, [self = shared_from_this(),
                       late = std::move(late)](Opinion opinion) mutable {
        Walk& walk = late->walk;
        std::optional<Verdict> verdict = Take(std::move(opinion), &walk);
        if (!verdict) {
          ++walk.next;
          verdict = Go(&walk);
        }
        if (!verdict) return self->AwaitNext(std::move(late));
        std::move(late->done)(*std::move(verdict));
      });
}

}  // namespace postern::policy
