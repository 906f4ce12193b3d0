// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What the server of a loopback refuses. The server uses these functions, and
// the client computes the expected replies with them.

#ifndef POSTERN_TESTS_LOOPBACK_RULES_H_
#define POSTERN_TESTS_LOOPBACK_RULES_H_

#include <cstdint>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "engine/grammar/path.h"

namespace postern {

// Whether MAIL or RCPT with this path is refused.
inline bool IsRefused(const Path& path) {
  return absl::StartsWith(path.local_part, "no");
}
// Whether DATA and BDAT are refused for this sender.
inline bool IsRefusedAtBody(const Path& from) {
  return absl::StartsWith(from.local_part, "late");
}
// Whether, in LMTP, the message is refused for this recipient.
inline bool IsFull(const Path& to) {
  return absl::StartsWith(to.local_part, "full");
}
// Whether content of this size is refused.
inline bool IsRefused(uint64_t size) { return size % 5 == 3; }

inline bool IsWrongSecret(absl::string_view secret) {
  return absl::StartsWith(secret, "wrong");
}

// Returns the text of the reply to a command with `path`, different for each.
inline std::string ReplyTextFor(const Path& path) {
  return absl::StrCat("about ", absl::CEscape(FormatPath(path)));
}
// The same for content of `size` octets, in SMTP.
inline std::string ReplyTextFor(uint64_t size) {
  return absl::StrCat(size, " octets");
}

}  // namespace postern

#endif  // POSTERN_TESTS_LOOPBACK_RULES_H_
