// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What the server of a loopback refuses: the server goes by it, and what the
// client must hear is computed from it.

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

// A sender or recipient that is refused at once.
inline bool IsRefused(const Path& path) {
  return absl::StartsWith(path.local_part, "no");
}
// A sender whose content is not asked for.
inline bool IsRefusedAtBody(const Path& from) {
  return absl::StartsWith(from.local_part, "late");
}
// A recipient who, in LMTP, does not get what was sent.
inline bool IsFull(const Path& to) {
  return absl::StartsWith(to.local_part, "full");
}
// Content of a size that is refused.
inline bool IsRefused(uint64_t size) { return size % 5 == 3; }

inline bool IsWrongSecret(absl::string_view secret) {
  return absl::StartsWith(secret, "wrong");
}

// The text of the reply to a command with `path`: no two have the same.
inline std::string ReplyTextFor(const Path& path) {
  return absl::StrCat("about ", absl::CEscape(FormatPath(path)));
}
// The same for content of `size` octets, but for LMTP's.
inline std::string ReplyTextFor(uint64_t size) {
  return absl::StrCat(size, " octets");
}

}  // namespace postern

#endif  // POSTERN_TESTS_LOOPBACK_RULES_H_
