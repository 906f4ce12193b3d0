// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/grammar/ehlo_keywords.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"

namespace postern {
namespace {

absl::string_view FirstWord(absl::string_view line) {
  return line.substr(0, line.find(' '));
}

}  // namespace

EhloKeywords::EhloKeywords(absl::string_view reply_text) {
  const size_t end = reply_text.find('\n');
  if (end != absl::string_view::npos) {
    lines_ = std::string(reply_text.substr(end + 1));
  }
}

bool EhloKeywords::Has(absl::string_view keyword) const {
  return !Find(keyword).empty();
}

absl::string_view EhloKeywords::Parameters(absl::string_view keyword) const {
  absl::string_view line = Find(keyword);
  line.remove_prefix(FirstWord(line).size());
  return absl::StripAsciiWhitespace(line);
}

bool EhloKeywords::HasParameter(absl::string_view keyword,
                                absl::string_view word) const {
  for (absl::string_view other :
       absl::StrSplit(Parameters(keyword), ' ', absl::SkipEmpty())) {
    if (absl::EqualsIgnoreCase(other, word)) return true;
  }
  return false;
}

absl::string_view EhloKeywords::Find(absl::string_view keyword) const {
  for (absl::string_view line : absl::StrSplit(lines_, '\n')) {
    if (absl::EqualsIgnoreCase(FirstWord(line), keyword)) return line;
  }
  return {};
}

}  // namespace postern
