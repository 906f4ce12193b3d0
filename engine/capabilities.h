// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What EHLO announces, RFC 5321 4.1.1.1.

#ifndef POSTERN_ENGINE_CAPABILITIES_H_
#define POSTERN_ENGINE_CAPABILITIES_H_

#include "engine/reply.h"
#include "engine/server_config.h"

namespace postern {

// Returns the reply to an accepted EHLO. Nothing is announced that would draw
// a 500 or 502 (RFC 5321 4.2.4).
Reply EhloReply(const ServerConfig& config);

}  // namespace postern

#endif  // POSTERN_ENGINE_CAPABILITIES_H_
