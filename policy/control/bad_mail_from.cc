// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/control/bad_mail_from.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "engine/grammar/domain.h"

namespace postern::policy {

std::optional<std::string> FindBadSender(const LineSet& list,
                                         const Path& from) {
  if (list.empty()) return std::nullopt;
  const std::string address = AsciiAddress(from.Address());
  std::optional<std::string> source = list.Find(address);
  const size_t at = address.rfind('@');
  if (source || at == std::string::npos) return source;
  return list.Find(absl::string_view(address).substr(at));
}

std::vector<std::string> CheckBadMailFromLines(absl::string_view path,
                                               const std::vector<Line>& lines) {
  Mistake pattern(
      "the entry contains a '*', which matches only itself "
      "(@x.example matches each sender at x.example)");
  Mistake dot(
      "the entry's domain begins with a dot and can never match: list "
      "each subdomain");
  Mistake nothing("the entry has no domain after its '@' and can never match");
  Mistake brackets(
      "the entry contains a blank or a bracket and can never match: write "
      "only the address");
  Mistake bare(
      "the entry has no '@' and matches only a sender without a domain "
      "(@x.example matches each sender at x.example)");
  for (const Line& line : lines) {
    // Other warnings report space and CR around an entry.
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
