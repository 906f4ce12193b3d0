// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// For tests: opens a message of a delivery in one step.

#ifndef POSTERN_DELIVERY_OPEN_MESSAGE_H_
#define POSTERN_DELIVERY_OPEN_MESSAGE_H_

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <utility>
#include <variant>

#include "engine/delivery.h"

namespace postern::delivery {

using Opened = std::variant<std::unique_ptr<MailTransaction>, Reply>;

enum class Recipients : uint8_t {
  kOfEnvelope,  // AddRecipient() is not called
  kAdded,       // AddRecipient() is called, and must answer each at once
};

// Begins a transaction of `delivery` and opens it for a message to all
// recipients of `envelope`, or returns the reply that refuses one of them or
// the content. The delivery must answer at once.
inline Opened OpenMessage(Delivery& delivery, const Envelope& envelope,
                          SessionInfo session = {},
                          Recipients recipients = Recipients::kOfEnvelope) {
  std::unique_ptr<MailTransaction> transaction =
      delivery.Begin({envelope.from, envelope.parameters, {}, envelope.message},
                     std::make_shared<const SessionInfo>(std::move(session)));
  for (size_t i = 0; recipients == Recipients::kAdded && i < envelope.to.size();
       ++i) {
    const std::optional<Verdict> verdict = transaction->AddRecipient(
        {.to = envelope.to[i].path}, []() -> Policy::Done { std::abort(); });
    if (!verdict->accepted()) return *verdict->reply();
  }
  const std::optional<Verdict> opened =
      transaction->Open(envelope, []() -> Policy::Done { std::abort(); });
  if (!opened->accepted()) return *opened->reply();
  return transaction;
}

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_OPEN_MESSAGE_H_
