// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/server_config.h"

#include "absl/strings/ascii.h"
#include "engine/path.h"

namespace postern {
namespace {

// The greeting is the start of a reply line that must stay whole.
constexpr size_t kMaxGreeting = 400;

}  // namespace

absl::Status ServerConfig::Validate() const {
  const auto bad = [](absl::string_view what) {
    return absl::InvalidArgumentError(what);
  };
  if (greeting.empty() || greeting.size() > kMaxGreeting) {
    return bad("greeting: 1 to 400 octets");
  }
  for (char c : greeting) {
    if (!absl::ascii_isprint(c)) return bad("greeting: printable ASCII only");
  }
  // MAIL or RCPT with the longest path must fit.
  if (max_line < kMaxPath + 512) return bad("max_line: at least 1411");
  if (max_recipients < 1) return bad("max_recipients: at least 1");
  if (max_output < 4096) return bad("max_output: at least 4096");
  if (max_errors < 1) return bad("max_errors: at least 1");
  if (max_hops < 1) return bad("max_hops: at least 1");
  if (max_open_asks < 1) return bad("max_open_asks: at least 1");
  if (data_block < 1) return bad("data_block: at least 1");
  if (command_timeout <= absl::ZeroDuration()) {
    return bad("command_timeout: more than 0");
  }
  if (data_timeout <= absl::ZeroDuration()) {
    return bad("data_timeout: more than 0");
  }
  return absl::OkStatus();
}

}  // namespace postern
