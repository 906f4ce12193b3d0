// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Makes a message of the request of Mailpit's send operation.

#ifndef POSTERN_PROGRAMS_RIG_COMPOSE_H_
#define POSTERN_PROGRAMS_RIG_COMPOSE_H_

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "programs/rig/json.h"
#include "rig/message.h"

namespace postern::programs {

// Returns the message of an object with From, To, Cc, Bcc, ReplyTo, Subject,
// Text, HTML, Attachments and Headers. It has no session: its number is 0 and
// its transcript is empty. No field of the request can add a line to the
// header. kInvalidArgument: what is wrong.
absl::StatusOr<rig::Message::Data> ComposeMessage(const RequestJson& request,
                                                  absl::Time now);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_RIG_COMPOSE_H_
