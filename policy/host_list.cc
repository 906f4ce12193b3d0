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

// An address literal: [192.0.2.1], [IPv6:2001:db8::1].
bool IsLiteral(absl::string_view entry) {
  return entry.size() > 2 && entry[0] == '[' &&
         entry.find_first_of("[]", 1) == entry.size() - 1 &&
         entry.back() == ']';
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
  Mistake dot(
      "a dot alone accepts every domain that is written with a dot at its end");
  Mistake route(
      "the entry holds a ':' and can never match: a domain stands alone here, "
      "the host that its mail goes to is smtproutes' business");
  Mistake impossible(
      "the entry is no domain and can never match (a domain itself, or its "
      "subdomains with a dot in front)");
  Mistake utf8(
      "the entry is not ASCII and matches the same bytes alone: the domain's "
      "form in xn-- needs an entry of its own");
  for (const Line& line : lines) {
    if (line.text == ".") dot.Add(line.number);
    // Space and CR around an entry have warnings of their own.
    const absl::string_view entry = absl::StripAsciiWhitespace(line.text);
    if (!std::all_of(entry.begin(), entry.end(), IsDomainByte)) {
      impossible.Add(line.number);
    } else if (entry.find_first_of("[]:") != absl::string_view::npos &&
               !IsLiteral(entry)) {
      (entry.find(':') != absl::string_view::npos ? route : impossible)
          .Add(line.number);
    } else if (!std::all_of(entry.begin(), entry.end(), absl::ascii_isascii)) {
      utf8.Add(line.number);
    }
  }
  std::vector<std::string> warnings;
  for (const Mistake* mistake : {&dot, &route, &impossible, &utf8}) {
    mistake->Report(path, &warnings);
  }
  return warnings;
}

}  // namespace postern::policy
