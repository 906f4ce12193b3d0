// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/client_auth.h"

#include <cstddef>
#include <utility>

#include "absl/base/macros.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "engine/grammar/base64.h"

namespace postern {
namespace {

// RFC 5321 4.5.3.1.4, which RFC 4954 4 does not extend for AUTH.
constexpr size_t kMaxCommand = 512;

absl::StatusOr<std::string> ResponseLine(std::string base64) {
  base64 += "\r\n";
  if (base64.size() > kMaxAuthBase64) {
    return absl::InvalidArgumentError("the AUTH response is too long");
  }
  return base64;
}

}  // namespace

absl::StatusOr<ClientAuth> ClientAuth::Begin(
    absl::string_view mechanism, std::optional<absl::string_view> initial) {
  ClientAuth auth;
  auth.command_ = absl::StrCat("AUTH ", mechanism);
  if (initial) {
    // RFC 4954 4: "=" is an empty initial response.
    absl::StatusOr<std::string> response =
        ResponseLine(initial->empty() ? "=" : EncodeBase64(*initial));
    if (!response.ok()) return response.status();
    if (auth.command_.size() + 1 + response->size() <= kMaxCommand) {
      absl::StrAppend(&auth.command_, " ", *response);
      return auth;
    }
    auth.initial_ = *std::move(response);
  }
  auth.command_ += "\r\n";
  return auth;
}

std::string ClientAuth::OnChallenge(absl::string_view text) {
  if (!initial_.empty()) return std::exchange(initial_, std::string());
  std::optional<std::string> bytes = DecodeBase64(text);
  if (!bytes) return Cancel();
  challenge_ = *std::move(bytes);
  challenged_ = true;
  return std::string();
}

absl::StatusOr<std::string> ClientAuth::Respond(absl::string_view bytes) {
  ABSL_HARDENING_ASSERT(challenged_);
  absl::StatusOr<std::string> line = ResponseLine(EncodeBase64(bytes));
  if (line.ok()) challenged_ = false;
  return line;
}

std::string ClientAuth::Cancel() {
  challenged_ = false;
  cancelled_ = true;
  return "*\r\n";
}

}  // namespace postern
