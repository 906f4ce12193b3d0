// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Gives a message from a queue to a Delivery, as a session would.

#ifndef POSTERN_PROGRAMS_RELAY_FORWARDED_MESSAGE_H_
#define POSTERN_PROGRAMS_RELAY_FORWARDED_MESSAGE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"
#include "delivery/amqp/queued_message.h"
#include "engine/delivery.h"
#include "engine/verdict.h"
#include "net/event_loop.h"

namespace postern::programs {

// Returns whether all lines of `content` end in CRLF, and no other CR or LF is
// in it. SMTP cannot carry anything else.
bool HasSmtpLines(absl::string_view content);

// Takes the verdict for each recipient of the envelope, in its order.
using Forwarded = absl::AnyInvocable<void(std::vector<Verdict>) &&>;

// Delivers `message` with `content` to `delivery`, which must outlive the call
// of `done`. To be called on the thread of `loop`, where all of it happens and
// `done` is called. Recipients that the delivery refuses keep their verdicts,
// and the others get the verdict for the message.
void ForwardMessage(net::EventLoop* loop, Delivery* delivery,
                    const delivery::QueuedMessage& message,
                    std::shared_ptr<const std::string> content, Forwarded done);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_RELAY_FORWARDED_MESSAGE_H_
