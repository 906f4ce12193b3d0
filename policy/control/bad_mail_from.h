// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A list of refused addresses: control/badmailfrom has senders,
// control/badrcptto has recipients.
//
//   line                 matches the address
//   someone@x.example    someone@x.example
//   @x.example           each address at x.example, but not at subdomains
//   root                 root, an address without a domain
//
// The comparison ignores the case of ASCII letters. A domain in UTF-8 and its
// xn-- form match each other (engine/grammar/domain.h). Patterns are in other
// files: bad_list.h.

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

// Returns "FILE:LINE" of the entry in `list` that matches `address`: the whole
// address, or its domain. Returns nullopt if none matches.
std::optional<std::string> FindAddress(const LineSet& list,
                                       const Path& address);

// Returns warnings about entries of the file `path` that match no address (a
// pattern as in patches of qmail, a domain that begins with a dot, no domain),
// or that match only addresses without a domain (no '@').
std::vector<std::string> CheckBadAddressLines(absl::string_view path,
                                              const std::vector<Line>& lines);

}  // namespace postern::policy

#endif  // POSTERN_POLICY_CONTROL_BAD_MAIL_FROM_H_
