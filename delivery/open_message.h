// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// For tests: opens a message of a delivery in one step.

#ifndef POSTERN_DELIVERY_OPEN_MESSAGE_H_
#define POSTERN_DELIVERY_OPEN_MESSAGE_H_

#include <memory>
#include <optional>
#include <utility>
#include <variant>

#include "engine/delivery.h"

namespace postern::delivery {

using Opened = std::variant<std::unique_ptr<MailTransaction>, Reply>;

// Begins a transaction of `delivery` and opens it for a message to all
// recipients of `envelope`, or returns the reply that refuses the content. Does
// not call AddRecipient().
inline Opened OpenMessage(Delivery& delivery, const Envelope& envelope,
                          SessionInfo session = {}) {
  std::unique_ptr<MailTransaction> transaction =
      delivery.Begin({envelope.from, envelope.parameters, {}, envelope.message},
                     std::make_shared<const SessionInfo>(std::move(session)));
  if (std::optional<Reply> refusal = transaction->Open(envelope)) {
    return *std::move(refusal);
  }
  return transaction;
}

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_OPEN_MESSAGE_H_
