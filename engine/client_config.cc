// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/client_config.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "engine/grammar/reply.h"

namespace postern {

absl::Status ClientConfig::Validate() const {
  // RFC 5321 4.5.3.1.2
  if (host_name.empty() || host_name.size() > 255) {
    return absl::InvalidArgumentError("host_name: 1 to 255 octets");
  }
  for (char c : host_name) {
    if (!absl::ascii_isgraph(c)) {
      return absl::InvalidArgumentError(
          "host_name: a domain or an address literal");
    }
  }
  if (max_line < kMaxReplyLine) {
    return absl::InvalidArgumentError(
        absl::StrCat("max_line: at least ", kMaxReplyLine));
  }
  if (max_reply < max_line) {
    return absl::InvalidArgumentError("max_reply: at least max_line");
  }
  if (max_pipelined < 1) {
    return absl::InvalidArgumentError("max_pipelined: at least 1");
  }
  if (data_block < 1) {
    return absl::InvalidArgumentError("data_block: at least 1");
  }
  return absl::OkStatus();
}

}  // namespace postern
