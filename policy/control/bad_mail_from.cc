// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/control/bad_mail_from.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/grammar/domain.h"

namespace postern::policy {

namespace {

// Whether a patch of qmail reads `entry` as a pattern: a regular expression
// (qregex), or a wildcard or one of the signs of s/qmail.
bool IsPattern(absl::string_view entry) {
  constexpr absl::string_view kBefore = "!~?";
  constexpr absl::string_view kAfter = "-=+!";
  if (entry.find_first_of("*\\^$|") != absl::string_view::npos) return true;
  return !entry.empty() && (absl::StrContains(kBefore, entry.front()) ||
                            absl::StrContains(kAfter, entry.back()));
}

}  // namespace

std::optional<std::string> FindAddress(const LineSet& list,
                                       const Path& address) {
  if (list.empty()) return std::nullopt;
  const std::string key = AsciiAddress(address.Address());
  std::optional<std::string> source = list.Find(key);
  const size_t at = key.rfind('@');
  if (source || at == std::string::npos) return source;
  return list.Find(absl::string_view(key).substr(at));
}

std::vector<std::string> CheckBadAddressLines(absl::string_view path,
                                              const std::vector<Line>& lines) {
  const std::string a_pattern = absl::StrCat(
      "the entry is a pattern of a patch, and matches only itself (write a "
      "regular expression into ",
      path, "patterns; @x.example matches each address at x.example)");
  Mistake pattern(a_pattern);
  Mistake dot(
      "the entry's domain begins with a dot and can never match: list "
      "each subdomain");
  Mistake nothing("the entry has no domain after its '@' and can never match");
  Mistake brackets(
      "the entry contains a blank or a bracket and can never match: write "
      "only the address");
  Mistake bare(
      "the entry has no '@' and matches only an address without a domain "
      "(@x.example matches each address at x.example)");
  for (const Line& line : lines) {
    // Other warnings report space and CR around an entry.
    const absl::string_view entry = absl::StripAsciiWhitespace(line.text);
    const size_t at = entry.rfind('@');
    if (IsPattern(entry)) {
      pattern.Add(line.number);
    } else if (entry.find_first_of("<> \t") != absl::string_view::npos &&
               !absl::StrContains(entry, '"')) {
      brackets.Add(line.number);
    } else if (at == absl::string_view::npos) {
      bare.Add(line.number);
    } else if (at + 1 == entry.size()) {
      nothing.Add(line.number);
    } else if (entry[at + 1] == '.') {
      dot.Add(line.number);
    }
  }
  std::vector<std::string> warnings;
  for (const Mistake* mistake : {&pattern, &dot, &nothing, &brackets, &bare}) {
    mistake->Report(path, &warnings);
  }
  return warnings;
}

}  // namespace postern::policy
