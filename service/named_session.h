// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Ports whose complaints name the session that they are about.

#ifndef POSTERN_SERVICE_NAMED_SESSION_H_
#define POSTERN_SERVICE_NAMED_SESSION_H_

#include <memory>

#include "engine/authenticator.h"
#include "engine/delivery.h"

namespace postern::service {

// Each wraps a port that blocks, and calls it within a log::LogScope of the
// session and its message. What the port logs on the same thread, which is all
// that a blocking one logs, then names them. As thread-safe as what they wrap.
std::shared_ptr<Delivery> NameSessions(std::shared_ptr<Delivery> delivery);
std::shared_ptr<Authenticator> NameSessions(
    std::shared_ptr<Authenticator> authenticator);

}  // namespace postern::service

#endif  // POSTERN_SERVICE_NAMED_SESSION_H_
