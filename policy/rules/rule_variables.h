// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The variables that sites set in tcpserver's rules for qmail-smtpd, for
// rblsmtpd or for a patch, and that postern serve does not read.

#ifndef POSTERN_POLICY_RULES_RULE_VARIABLES_H_
#define POSTERN_POLICY_RULES_RULE_VARIABLES_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace postern::policy {

// Returns which program uses the variable `name`, and what has the same effect
// in postern serve: "rblsmtpd's; :deny refuses a client". Returns nullopt for a
// variable that has an effect here (RELAYCLIENT, DATABYTES, QMAILQUEUE,
// POSTERN_...), and for an unknown one, which is passed to the queue program.
std::optional<std::string> WhyIdle(absl::string_view name);

}  // namespace postern::policy

#endif  // POSTERN_POLICY_RULES_RULE_VARIABLES_H_
