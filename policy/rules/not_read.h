// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The control files and variables that qmail-smtpd, a patch of it, rblsmtpd or
// another program before it reads, and that postern does not read: those of
// notqmail, jms1, sagredo, s/qmail, qmail-ldap and others. A site that moves to
// postern must know which of its settings have no effect. The control files of
// qmail's other programs are not in the list: those programs still read them.

#ifndef POSTERN_POLICY_RULES_NOT_READ_H_
#define POSTERN_POLICY_RULES_NOT_READ_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace postern::policy {

// A name that is not read.
struct NotReadRow {
  absl::string_view name;  // of a variable: a '*' at its end matches any text
  // Which program reads it, and what has the same effect in postern: "a
  // patch's; --max-errors ends sessions".
  absl::string_view why;
};

// Constant tables. The manual page has the same rows.
absl::Span<const NotReadRow> NotReadFiles();
absl::Span<const NotReadRow> NotReadVariables();

// Returns NotReadRow::why of the variable `name`. Returns nullopt for a
// variable that has an effect here (RELAYCLIENT, DATABYTES, QMAILQUEUE,
// POSTERN_..., CheckRow::variables), and for an unknown one, which is passed to
// the queue program.
std::optional<std::string> WhyIdle(absl::string_view name);

// Returns a warning for each of NotReadFiles() that exists in `directory`, and
// for each of NotReadVariables() with a complete name that `environment` has
// (getenv, or a function that returns null for a variable that is not set). For
// a server that starts once: it looks for some fifty files.
std::vector<std::string> CheckNotRead(
    absl::string_view directory,
    absl::FunctionRef<const char*(const char* name)> environment);

// Returns the rows as text for the manual page: a line for each.
std::string FormatNotRead(absl::Span<const NotReadRow> rows);

}  // namespace postern::policy

#endif  // POSTERN_POLICY_RULES_NOT_READ_H_
