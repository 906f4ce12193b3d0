// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/control/pattern_list.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace postern::policy {

absl::StatusOr<PatternList> PatternList::Make(absl::string_view path,
                                              const std::vector<Line>& lines) {
  std::vector<absl::Status> errors;
  PatternList list = Make(path, lines, &errors);
  if (!errors.empty()) return errors[0];
  return list;
}

PatternList PatternList::Make(absl::string_view path,
                              const std::vector<Line>& lines,
                              std::vector<absl::Status>* errors) {
  const size_t most = errors->size() + kMaxErrors;
  PatternList list;
  list.path_ = std::string(path);
  size_t size = 0;
  for (const Line& line : lines) {
    absl::string_view text = line.text;
    const bool negated = absl::ConsumePrefix(&text, "!");
    absl::StatusOr<Pattern> pattern = Pattern::Compile(text);
    if (!pattern.ok()) {
      errors->push_back(absl::InvalidArgumentError(
          absl::StrCat(path, ":", line.number, ": the regular expression has ",
                       pattern.status().message())));
      if (errors->size() == most) break;
      continue;
    }
    size += pattern->size();
    if (size > kMaxSize) {
      errors->push_back(absl::InvalidArgumentError(
          absl::StrCat(path, ":", line.number, ": the expressions up to here ",
                       "have more than ", kMaxSize, " parts")));
      break;
    }
    list.entries_.push_back({*std::move(pattern), negated, line.number});
  }
  return list;
}

std::optional<std::string> PatternList::Find(absl::string_view text) const {
  for (const Entry& entry : entries_) {
    if (entry.pattern.Matches(text) != entry.negated) {
      return absl::StrCat(path_, ":", entry.line);
    }
  }
  return std::nullopt;
}

}  // namespace postern::policy
