// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "service/finding.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace postern::service {

std::string Finding::Text() const {
  return absl::StrCat(where, where.empty() ? "" : ": ", what,
                      fix.empty() ? "" : "; ", fix);
}

void Findings::Add(Finding finding) {
  const std::string text = finding.Text();
  for (Finding& other : all_) {
    const std::string same = other.Text();
    if (same != text && !absl::EndsWith(same, absl::StrCat(": ", text))) {
      continue;
    }
    other.severity = std::max(other.severity, finding.severity);
    return;
  }
  all_.push_back(std::move(finding));
}

void Findings::Add(Finding::Severity severity, absl::string_view text) {
  Finding finding{.severity = severity};
  // The place is the path alone, as in other errors.
  if (absl::StartsWith(text, "cdb /")) text.remove_prefix(4);
  // A path or the value of an option may contain blanks, a sentence does.
  const size_t colon = text.find(": ");
  const bool is_place = absl::StartsWith(text, "/") ||
                        absl::StartsWith(text, "--") || text.find(' ') > colon;
  if (colon != text.npos && is_place) {
    finding.where = std::string(text.substr(0, colon));
    text.remove_prefix(colon + 2);
  }
  const size_t semicolon = text.find("; ");
  finding.what = std::string(text.substr(0, semicolon));
  if (semicolon != text.npos) {
    finding.fix = std::string(text.substr(semicolon + 2));
  }
  Add(std::move(finding));
}

void Findings::AddErrors(absl::Span<const absl::Status> errors) {
  for (const absl::Status& error : errors) AddError(error.message());
}

void Findings::AddWarnings(absl::Span<const std::string> warnings) {
  for (const std::string& warning : warnings) AddWarning(warning);
}

size_t Findings::count(Finding::Severity severity) const {
  return static_cast<size_t>(std::count_if(
      all_.begin(), all_.end(),
      [&](const Finding& finding) { return finding.severity == severity; }));
}

}  // namespace postern::service
