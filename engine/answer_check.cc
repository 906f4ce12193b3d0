// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/answer_check.h"

#include <optional>
#include <variant>

#include "engine/grammar/header_field.h"

namespace postern {

absl::Status CheckAnswer(const Ask& ask, const Verdict& verdict) {
  const std::optional<Reply>& reply = verdict.reply();
  if (verdict.accepted()) {
    if (std::holds_alternative<AuthBegin>(ask.what) ||
        std::holds_alternative<AuthResponse>(ask.what)) {
      return absl::FailedPreconditionError("accept AUTH with CompleteAuth()");
    }
    if (!verdict.header().empty()) {
      if (!std::holds_alternative<Mail>(ask.what) &&
          !std::holds_alternative<Rcpt>(ask.what) &&
          !std::holds_alternative<BodyBegin>(ask.what)) {
        return absl::FailedPreconditionError(
            "only Mail, Rcpt and BodyBegin add header fields");
      }
      if (!IsHeader(verdict.header())) {
        return absl::InvalidArgumentError(
            "AddHeader takes whole header fields");
      }
    }
    if (!reply) return absl::OkStatus();
    if (std::holds_alternative<Hello>(ask.what) ||
        std::holds_alternative<StartTls>(ask.what) ||
        std::holds_alternative<BodyBegin>(ask.what)) {
      return absl::FailedPreconditionError(
          "the engine itself replies to an accepted Hello, StartTls or "
          "BodyBegin");
    }
    if (std::holds_alternative<Connected>(ask.what) && reply->code != 220) {
      return absl::InvalidArgumentError("the reply to Connected must be a 220");
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
    return absl::InvalidArgumentError("a 421 closes the connection: use Drop");
  }
  return absl::OkStatus();
}

}  // namespace postern
