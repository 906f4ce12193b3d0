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

// Returns what the variable `name` is elsewhere, and what does the same here:
// "rblsmtpd's; :deny refuses a client". nullopt for a variable that has an
// effect here (RELAYCLIENT, DATABYTES, QMAILQUEUE, POSTERN_...), and for one
// that is not known: those are the queue program's.
std::optional<std::string> WhyIdle(absl::string_view name);

}  // namespace postern::policy

#endif  // POSTERN_POLICY_RULES_RULE_VARIABLES_H_
