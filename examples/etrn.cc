// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "examples/etrn.h"

#include <utility>
#include <variant>

#include "engine/ask.h"
#include "engine/verdict.h"
#include "policy/control/controls.h"

namespace postern::examples {
namespace {

class Etrn : public policy::Check {
 public:
  explicit Etrn(std::shared_ptr<const policy::Controls> controls)
      : controls_(std::move(controls)) {}

  policy::Opinion Decide(policy::Question* question) const override {
    const auto& verb = std::get<Other>(question->ask().what);
    if (verb.verb != "ETRN") return policy::NoOpinion{};
    const auto listed = controls_->rcpthosts.Find(verb.argument);
    if (!listed.ok()) return policy::Outage(listed.status());
    if (!question->session().relay_client || !listed->has_value()) {
      return Verdict::Refuse({459, {4, 5, 1}, "not for you (#4.5.1)"});
    }
    return Verdict::Accept({250, {2, 0, 0}, "queuing started"})
        .From((*listed)->source);
  }

 private:
  const std::shared_ptr<const policy::Controls> controls_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<const policy::Check>> MakeEtrn(
    const policy::CheckSetup& setup) {
  return std::make_unique<Etrn>(setup.controls);
}

}  // namespace postern::examples
