// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/control/host_list.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "engine/grammar/domain.h"
#include "engine/grammar/utf8.h"

namespace postern::policy {
namespace {

// The characters of a domain or an address literal.
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

// The mistakes that an entry can have.
enum Fault : uint8_t { kDot, kRoute, kImpossible, kNotAscii };
constexpr absl::string_view kFaults[] = {
    "a single dot matches every domain with a dot at its end",
    "the entry contains a ':' and can never match: write only the domain; "
    "the next hop of its mail belongs in smtproutes",
    "the entry is not a domain and can never match (write a domain, or a "
    "dot and a domain for its subdomains)",
    "the entry is not ASCII and can never match: domains are looked up in "
    "their xn-- form",
};

// Returns the mistake in `entry`, except for a single dot.
std::optional<Fault> FaultOf(absl::string_view entry) {
  if (!std::all_of(entry.begin(), entry.end(), IsDomainByte)) {
    return kImpossible;
  }
  if (entry.find_first_of("[]:") != absl::string_view::npos &&
      !IsLiteral(entry)) {
    return entry.find(':') != absl::string_view::npos ? kRoute : kImpossible;
  }
  if (!std::all_of(entry.begin(), entry.end(), absl::ascii_isascii)) {
    return kNotAscii;
  }
  return std::nullopt;
}

// Returns the keys to look up, in order: the whole `domain`, then its suffixes
// that begin with a dot. They are views of `domain`.
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
  const std::string name = AsciiDomain(domain);
  const std::vector<absl::string_view> keys = Keys(name);
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
  const std::string name = AsciiDomain(domain);
  for (absl::string_view key : Keys(name)) {
    if (lines_.Find(key)) return false;
  }
  return true;
}

std::vector<std::string> CheckHostLines(absl::string_view path,
                                        const std::vector<Line>& lines) {
  std::vector<Mistake> mistakes;
  for (const absl::string_view what : kFaults) mistakes.emplace_back(what);
  for (const Line& line : lines) {
    if (line.text == ".") mistakes[kDot].Add(line.number);
    // Other warnings report space and CR around an entry.
    const auto fault = FaultOf(absl::StripAsciiWhitespace(line.text));
    if (!fault || (*fault == kNotAscii && IsUtf8(line.text))) continue;
    mistakes[*fault].Add(line.number);
  }
  std::vector<std::string> warnings;
  for (const Mistake& mistake : mistakes) mistake.Report(path, &warnings);
  return warnings;
}

absl::StatusOr<std::vector<std::string>> CheckHostKeys(
    const files::Cdb& database) {
  KeyMistake capital;
  KeyMistake empty;
  std::vector<KeyMistake> mistakes(std::size(kFaults));
  size_t left = kMaxCheckedRecords;
  const absl::Status read =
      database.ForEach([&](absl::string_view key, absl::string_view) {
        const auto fault = FaultOf(key);
        if (key.empty()) {
          empty.Add(key);
        } else if (key == ".") {
          mistakes[kDot].Add(key);
        } else if (fault && *fault != kNotAscii) {
          mistakes[*fault].Add(key);
        } else if (std::any_of(key.begin(), key.end(), absl::ascii_isupper)) {
          capital.Add(key);
        } else if (fault) {
          mistakes[*fault].Add(key);
        }
        return --left > 0;
      });
  if (!read.ok()) return read;
  std::vector<std::string> warnings;
  for (size_t i = 0; i < mistakes.size(); ++i) {
    mistakes[i].Report(database.path(), "key", kFaults[i], &warnings);
  }
  capital.Report(database.path(), "key",
                 "the entry contains an upper-case letter and can never match: "
                 "qmail-newmrh writes all keys in lower case",
                 &warnings);
  empty.Report(database.path(), "key", "an empty key can never match",
               &warnings);
  return warnings;
}

}  // namespace postern::policy
