// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The senders that are refused: control/badmailfrom.
//
//   badmailfrom line     matches the sender
//   someone@x.example    someone@x.example
//   @x.example           each one of x.example, and none below it
//   root                 root, an address without a domain
//
// ASCII letters match in either case. There are no patterns.

#ifndef POSTERN_POLICY_CONTROL_BAD_MAIL_FROM_H_
#define POSTERN_POLICY_CONTROL_BAD_MAIL_FROM_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "engine/grammar/path.h"
#include "policy/control/control_file.h"
#include "policy/control/line_set.h"

namespace postern::policy {

// Returns "FILE:LINE" of the entry of `list` that `from` matches: all of the
// address, or everyone of its domain. nullopt: none.
std::optional<std::string> FindBadSender(const LineSet& list, const Path& from);

// Returns warnings where entries of the file `path` match no sender (the other
// patches' patterns, a domain that begins with a dot, no domain), or hardly one
// (a domain without '@').
std::vector<std::string> CheckBadMailFromLines(absl::string_view path,
                                               const std::vector<Line>& lines);

}  // namespace postern::policy

#endif  // POSTERN_POLICY_CONTROL_BAD_MAIL_FROM_H_
