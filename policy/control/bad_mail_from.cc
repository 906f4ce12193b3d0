// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/control/bad_mail_from.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace postern::policy {

std::optional<std::string> FindBadSender(const LineSet& list,
                                         const Path& from) {
  if (list.empty()) return std::nullopt;
  const std::string address = absl::AsciiStrToLower(from.Address());
  std::optional<std::string> source = list.Find(address);
  const size_t at = address.rfind('@');
  if (source || at == std::string::npos) return source;
  return list.Find(absl::string_view(address).substr(at));
}

std::vector<std::string> CheckBadMailFromLines(absl::string_view path,
                                               const std::vector<Line>& lines) {
  Mistake pattern(
      "the entry holds a '*', which is no pattern and stands for itself "
      "(@x.example is every sender of x.example)");
  Mistake dot(
      "the entry's domain begins with a dot, so that it can never match: list "
      "each subdomain");
  Mistake nothing("the entry has no domain behind its '@' and can never match");
  Mistake brackets(
      "the entry holds a blank or a bracket and can never match: an address "
      "stands alone here");
  Mistake bare(
      "the entry has no '@' and matches a sender without a domain alone "
      "(@x.example is every sender of x.example)");
  for (const Line& line : lines) {
    // Space and CR around an entry have warnings of their own.
    const absl::string_view entry = absl::StripAsciiWhitespace(line.text);
    const size_t at = entry.rfind('@');
    if (absl::StrContains(entry, '*')) {
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
