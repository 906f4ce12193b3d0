// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A list of checks as a Policy of the engine.

#ifndef POSTERN_POLICY_CHECKS_H_
#define POSTERN_POLICY_CHECKS_H_

#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "engine/event.h"
#include "engine/policy.h"
#include "engine/session_info.h"
#include "policy/check.h"
#include "policy/check_list.h"

namespace postern::policy {

// Puts each question to the checks of its stage, in the order of the list.
//
// The first refusal is the answer. An acceptance is kept, and the checks after
// it may still refuse. At its end a recipient, and a verb of
// ServerConfig::more_verbs, is refused unless a check has accepted it;
// everything else is accepted. A question of no stage (VRFY,
// STARTTLS) is accepted.
//
// A verdict names the rule of the check that decided (Verdict::rule()), and the
// address that it is about, if a check has renamed it.
//
// An answer that all checks give at once costs no memory but its own text.
//
// Thread-safe. Keeps itself alive while answers are due.
class Checks : public Policy, public std::enable_shared_from_this<Checks> {
 public:
  // Makes the checks of `list` that are in use. `list` must outlive the result:
  // it is constant data. An error names the file or the option.
  static absl::StatusOr<std::shared_ptr<Checks>> Make(
      const CheckSetup& setup, absl::Span<const CheckEntry> list = CheckList());

  std::optional<Verdict> Decide(const Ask& ask,
                                const SharedSessionInfo& session,
                                Policy::Later later) override;

 private:
  struct InUse {
    const CheckRow* row = nullptr;
    std::unique_ptr<const Check> check;
  };
  using Stages = std::array<std::vector<InUse>, kStages>;
  // How far a question has come.
  struct Walk {
    Question question;
    absl::Span<const InUse> checks;
    size_t next = 0;
    std::optional<Verdict> accepted;
  };
  // The same, while an answer is due.
  struct LateWalk;

  explicit Checks(Stages stages) : stages_(std::move(stages)) {}

  // Goes on until there is an answer. Returns nullopt if the check that is next
  // answers later.
  static std::optional<Verdict> Go(Walk* walk);
  // Takes what the check that is next says; returns the answer if that is one.
  static std::optional<Verdict> Take(Opinion&& opinion, Walk* walk);
  // Has the check that is next answer, and goes on with that.
  void AwaitNext(std::shared_ptr<LateWalk> late);

  const Stages stages_;
};

}  // namespace postern::policy

#endif  // POSTERN_POLICY_CHECKS_H_
