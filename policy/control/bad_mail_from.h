// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The list of refused senders: control/badmailfrom.
//
//   badmailfrom line     matches the sender
//   someone@x.example    someone@x.example
//   @x.example           each address at x.example, but not at subdomains
//   root                 root, an address without a domain
//
// The comparison ignores the case of ASCII letters. A domain in UTF-8 and its
// xn-- form match each other (engine/grammar/domain.h). There are no patterns.

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

// Returns "FILE:LINE" of the entry in `list` that matches `from`: the whole
// address, or its domain. Returns nullopt if none matches.
std::optional<std::string> FindBadSender(const LineSet& list, const Path& from);

// Returns warnings about entries of the file `path` that match no sender (a
// pattern as in other patches of qmail, a domain that begins with a dot, no
// domain), or that match only senders without a domain (no '@').
std::vector<std::string> CheckBadMailFromLines(absl::string_view path,
                                               const std::vector<Line>& lines);

}  // namespace postern::policy

#endif  // POSTERN_POLICY_CONTROL_BAD_MAIL_FROM_H_
