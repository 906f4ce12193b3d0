// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Parses the client's lines of AUTH, RFC 4954 4.

#ifndef POSTERN_ENGINE_AUTH_LINE_H_
#define POSTERN_ENGINE_AUTH_LINE_H_

#include <variant>

#include "absl/strings/string_view.h"
#include "engine/ask.h"
#include "engine/grammar/reply.h"
#include "engine/server_config.h"
#include "engine/tls_info.h"

namespace postern {

// Parses the argument of AUTH, or returns the Reply to send: 501 5.5.4 for bad
// syntax, 504 5.5.4 for a mechanism that is not offered, 501 5.5.2 for invalid
// base64.
std::variant<AuthBegin, Reply> ReadAuthCommand(absl::string_view argument,
                                               const ServerConfig& config,
                                               const TlsInfo* tls);

// Parses a response line, without its CRLF, or returns the Reply that ends the
// exchange: 501 5.7.0 for "*", 501 5.5.2 for invalid base64.
std::variant<AuthResponse, Reply> ReadAuthLine(absl::string_view line);

// Returns the reply to a response line that is too long: 500 5.5.6.
std::variant<AuthResponse, Reply> AuthLineTooLong();

}  // namespace postern

#endif  // POSTERN_ENGINE_AUTH_LINE_H_
