// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Lines of text for the rules in tcpserver's database.

#ifndef POSTERN_POLICY_RULES_TCP_RULE_LINE_H_
#define POSTERN_POLICY_RULES_TCP_RULE_LINE_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace postern::policy {

// Returns the line, without its end, from which tcprules makes exactly this
// rule. Returns nullopt if there is no such line: the record was not made by
// tcprules, or the rule is one of a range and its key has a second '-', which
// makes another range of it (10.1.3-4. from 10.1-2.3-4.). No client has such a
// key.
std::optional<std::string> TcpRuleLine(absl::string_view key,
                                       absl::string_view record);

}  // namespace postern::policy

#endif  // POSTERN_POLICY_RULES_TCP_RULE_LINE_H_
