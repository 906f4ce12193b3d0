// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/host_list.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace postern::policy {
namespace {

// The bytes of a domain or an address literal.
bool IsDomainByte(char c) {
  return absl::ascii_isalnum(c) || !absl::ascii_isascii(c) ||
         absl::string_view(".-_:[]").find(c) != absl::string_view::npos;
}

// What to look for, in order: all of `domain`, then its ends that begin with a
// dot. Views of `domain`.
std::vector<absl::string_view> Keys(absl::string_view domain) {
  std::vector<absl::string_view> keys;
  for (size_t i = 0; i < domain.size(); ++i) {
    if (i == 0 || domain[i] == '.') keys.push_back(domain.substr(i));
  }
  return keys;
}

}  // namespace

HostList::HostList(LineSet lines, std::optional<files::Cdb> more)
    : lines_(std::move(lines)), more_(std::move(more)) {}

absl::StatusOr<std::optional<HostList::Match>> HostList::Find(
    absl::string_view domain) const {
  const std::string lower = absl::AsciiStrToLower(domain);
  const std::vector<absl::string_view> keys = Keys(lower);
  for (absl::string_view key : keys) {
    std::optional<std::string> source = lines_.Find(key);
    if (source) return Match{Match::In::kLines, *std::move(source)};
  }
  if (!more_) return std::nullopt;
  for (absl::string_view key : keys) {
    const absl::StatusOr<bool> found = more_->Contains(key);
    if (!found.ok()) return found.status();
    if (*found) {
      return Match{Match::In::kDatabase,
                   absl::StrCat(more_->path(), " key ", key)};
    }
  }
  return std::nullopt;
}

bool HostList::ReadsDatabase(absl::string_view domain) const {
  if (!more_) return false;
  const std::string lower = absl::AsciiStrToLower(domain);
  for (absl::string_view key : Keys(lower)) {
    if (lines_.Find(key)) return false;
  }
  return true;
}

std::vector<std::string> CheckHostLines(absl::string_view path,
                                        const std::vector<Line>& lines) {
  std::vector<std::string> warnings;
  int first_impossible = 0;
  int impossible = 0;
  int first_utf8 = 0;
  int utf8 = 0;
  for (const Line& line : lines) {
    if (line.text == ".") {
      warnings.push_back(FormatWarning(
          path, line.number,
          "a dot alone accepts every domain that is written with a dot at its "
          "end"));
    }
    // Space and CR around an entry have warnings of their own.
    const absl::string_view entry = absl::StripAsciiWhitespace(line.text);
    if (!std::all_of(entry.begin(), entry.end(), IsDomainByte)) {
      if (impossible++ == 0) first_impossible = line.number;
    } else if (!std::all_of(entry.begin(), entry.end(), absl::ascii_isascii)) {
      if (utf8++ == 0) first_utf8 = line.number;
    }
  }
  if (impossible > 0) {
    warnings.push_back(FormatWarning(
        path, first_impossible,
        "the entry is no domain and can never match (a domain itself, or its "
        "subdomains with a dot in front)",
        impossible));
  }
  if (utf8 > 0) {
    warnings.push_back(FormatWarning(
        path, first_utf8,
        "the entry is not ASCII and matches the same bytes alone: the domain's "
        "form in xn-- needs an entry of its own",
        utf8));
  }
  return warnings;
}

}  // namespace postern::policy
