// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Wrappers that add the session to the log lines of a delivery or
// authenticator.

#ifndef POSTERN_SERVICE_NAMED_SESSION_H_
#define POSTERN_SERVICE_NAMED_SESSION_H_

#include <memory>

#include "engine/authenticator.h"
#include "engine/delivery.h"

namespace postern::service {

// Each wraps an implementation that blocks, and calls it within a log::LogScope
// of the session and the message. Then the lines that the implementation writes
// on the same thread name the session. A blocking implementation writes all its
// lines there. As thread-safe as the wrapped object.
std::shared_ptr<Delivery> NameSessions(std::shared_ptr<Delivery> delivery);
std::shared_ptr<Authenticator> NameSessions(
    std::shared_ptr<Authenticator> authenticator);

}  // namespace postern::service

#endif  // POSTERN_SERVICE_NAMED_SESSION_H_
