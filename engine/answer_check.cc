// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/answer_check.h"

#include <optional>

namespace postern {

absl::Status CheckAnswer(const Ask& ask, const Verdict& verdict) {
  const std::optional<Reply>& reply = verdict.reply();
  if (verdict.accepted()) {
    if (std::holds_alternative<AuthBegin>(ask.what) ||
        std::holds_alternative<AuthResponse>(ask.what)) {
      return absl::FailedPreconditionError("AUTH is granted by CompleteAuth()");
    }
    if (!reply) return absl::OkStatus();
    if (std::holds_alternative<Hello>(ask.what) ||
        std::holds_alternative<StartTls>(ask.what) ||
        std::holds_alternative<BodyBegin>(ask.what)) {
      return absl::FailedPreconditionError(
          "the reply to an accepted Hello, StartTls or BodyBegin is the "
          "engine's");
    }
    if (std::holds_alternative<Connected>(ask.what) && reply->code != 220) {
      return absl::InvalidArgumentError("a greeting is 220");
    }
    if (reply->code / 100 == 2) return absl::OkStatus();
    return absl::InvalidArgumentError("Accept takes a 2yz reply");
  }
  const int code = reply ? reply->code : 0;
  if (code < 400 || code > 599) {
    return absl::InvalidArgumentError(
        "Refuse and Drop take a 4yz or 5yz reply");
  }
  if (code == 421 && verdict.kind() == Verdict::Kind::kRefuse) {
    return absl::InvalidArgumentError("421 closes: use Drop");
  }
  return absl::OkStatus();
}

}  // namespace postern
