// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A list of checks as a Policy of the engine.

#ifndef POSTERN_POLICY_CHECKS_H_
#define POSTERN_POLICY_CHECKS_H_

#include <array>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "engine/ask.h"
#include "engine/policy.h"
#include "engine/session_info.h"
#include "policy/check.h"
#include "policy/check_list.h"

namespace postern::policy {

// What one check did with a question, in the order of the list.
struct CheckStep {
  // The check's row in the list. Valid as long as the Checks.
  const CheckRow* row = nullptr;
  // Whether it was asked. A check that may accept is not asked after another
  // one has accepted.
  bool asked = true;
  std::optional<Verdict> verdict;  // nullopt: it had no opinion
};

// Asks the checks of each question's stage, in the order of the list.
//
// The first refusal is the answer. After an acceptance, the checks that can
// only refuse are still asked. A recipient, or a verb of
// ServerConfig::more_verbs, that no check accepts is refused. Everything else
// that no check refuses is accepted, and so are questions without a stage
// (VRFY, STARTTLS).
//
// A verdict names the rule of the check that decided (Verdict::rule()), and the
// new address if a check replaced the address.
//
// If all checks answer at once, the answer allocates no memory except for its
// own text.
//
// Thread-safe. Stays alive while answers are pending.
class Checks : public Policy, public std::enable_shared_from_this<Checks> {
 public:
  // Makes the checks of `list` that are in use. `list` must outlive the result.
  // An error names the file or the option. Returns the first one. Adds all to
  // `errors`, if it is not null.
  static absl::StatusOr<std::shared_ptr<Checks>> Make(
      const CheckSetup& setup, absl::Span<const CheckEntry> list = CheckList(),
      std::vector<absl::Status>* errors = nullptr);

  // Returns the same checks for another delivery. Those of `list` that ask the
  // delivery (CheckRow::delivery) are made from `setup`, and the others are
  // shared. `list` is that of Make(). The errors are those of Make().
  absl::StatusOr<std::shared_ptr<Checks>> ForDelivery(
      const CheckSetup& setup,
      absl::Span<const CheckEntry> list = CheckList()) const;

  // Returns the rows of the checks that are in use, in the order of their
  // stages and then of the list. Valid as long as the list.
  std::vector<const CheckRow*> InUse() const;

  std::optional<Verdict> Decide(const Ask& ask,
                                const SharedSessionInfo& session,
                                Policy::Later later) override;

  // Does the same, and appends what each check did to `steps`, which must live
  // until the answer. For explanations. A check after the first refusal has no
  // step.
  std::optional<Verdict> Explain(const Ask& ask,
                                 const SharedSessionInfo& session,
                                 std::vector<CheckStep>* steps,
                                 Policy::Later later);

 private:
  struct Entry {
    const CheckRow* row = nullptr;
    std::shared_ptr<const Check> check;
  };
  using Stages = std::array<std::vector<Entry>, kCheckStages>;
  // The progress of one question.
  struct Walk {
    Question question;
    absl::Span<const Entry> checks;
    std::vector<CheckStep>* steps = nullptr;  // null: not wanted
    size_t next = 0;
    std::optional<Verdict> accepted;
  };
  // A Walk that owns its question, for an answer that is pending.
  struct LateWalk;

  explicit Checks(Stages stages) : stages_(std::move(stages)) {}

  // Asks the remaining checks until there is an answer. Returns nullopt if the
  // next check answers later.
  static std::optional<Verdict> Go(Walk* walk);
  // Processes the opinion of the next check. Returns the answer if this opinion
  // decides.
  static std::optional<Verdict> Take(Opinion&& opinion, Walk* walk);
  // Lets the next check answer later, and continues the walk after that.
  void AwaitNext(std::shared_ptr<LateWalk> late);

  const Stages stages_;
};

}  // namespace postern::policy

#endif  // POSTERN_POLICY_CHECKS_H_
