// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/auth_line.h"

#include <optional>
#include <string>
#include <utility>

#include "engine/capabilities.h"
#include "engine/command.h"
#include "engine/grammar/base64.h"

namespace postern {
namespace {

Reply BadBase64() { return {501, {5, 5, 2}, "bad base64 (#5.5.2)"}; }

}  // namespace

std::variant<AuthBegin, Reply> ReadAuthCommand(absl::string_view argument,
                                               const ServerConfig& config,
                                               const TlsInfo* tls) {
  auto parsed = ParseAuth(argument);
  if (auto* reply = std::get_if<Reply>(&parsed)) return std::move(*reply);
  AuthArgument& auth = std::get<AuthArgument>(parsed);
  if (!OffersMechanism(config, tls, auth.mechanism)) {
    return Reply{504, {5, 5, 4}, "no such mechanism here (#5.5.4)"};
  }
  AuthBegin begin{std::move(auth.mechanism), {}};
  if (auth.initial_response) {
    // RFC 4954 4: "=" is an empty initial response.
    begin.initial_response = DecodeBase64(
        *auth.initial_response == "=" ? "" : *auth.initial_response);
    if (!begin.initial_response) return BadBase64();
  }
  return begin;
}

std::variant<AuthResponse, Reply> ReadAuthLine(absl::string_view line) {
  if (line == "*") {
    return Reply{501, {5, 7, 0}, "authentication cancelled (#5.7.0)"};
  }
  std::optional<std::string> bytes = DecodeBase64(line);
  if (!bytes) return BadBase64();
  return AuthResponse{*std::move(bytes)};
}

std::variant<AuthResponse, Reply> AuthLineTooLong() {
  return Reply{500, {5, 5, 6}, "line too long (#5.5.6)"};
}

}  // namespace postern
