// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "examples/bounce_recipients.h"

#include <string>
#include <variant>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "engine/ask.h"
#include "engine/grammar/path.h"

namespace postern::examples {

policy::Opinion BounceRecipients::Decide(policy::Question* question) const {
  const absl::string_view accepted_by = question->accepted_by();
  if (accepted_by == "relayclient" || accepted_by == "authenticated") {
    return policy::NoOpinion{};
  }
  const auto& rcpt = std::get<Rcpt>(question->ask().what);
  if (!question->from().null() || rcpt.index < most_) {
    return policy::NoOpinion{};
  }
  return Verdict::Refuse(
             {452, {4, 5, 3}, "too many recipients of a bounce (#4.5.3)"})
      .From(absl::StrCat("more than ", most_));
}

absl::StatusOr<std::unique_ptr<const policy::Check>> MakeBounceRecipients(
    const policy::CheckSetup& setup) {
  const std::string value =
      setup.option ? setup.option("bounce-recipients") : "";
  if (value.empty()) return nullptr;
  int most = 0;
  if (!absl::SimpleAtoi(value, &most) || most < 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--bounce-recipients: a number above 0, not \"", value, "\""));
  }
  return std::make_unique<BounceRecipients>(static_cast<size_t>(most));
}

}  // namespace postern::examples
