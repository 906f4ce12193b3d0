// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/rig/search_query.h"

#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "rig/mime.h"

namespace postern::programs {
namespace {

using Field = SearchTerm::Field;

struct Prefix {
  absl::string_view text;
  Field field;
};
constexpr std::array<Prefix, 9> kWords = {{{"to:", Field::kTo},
                                           {"from:", Field::kFrom},
                                           {"cc:", Field::kCc},
                                           {"bcc:", Field::kBcc},
                                           {"reply-to:", Field::kReplyTo},
                                           {"addressed:", Field::kAddressed},
                                           {"subject:", Field::kSubject},
                                           {"message-id:", Field::kMessageId},
                                           {"tag:", Field::kTag}}};
struct Whole {
  absl::string_view text;
  Field field;
  bool negated;
};
constexpr std::array<Whole, 7> kWholes = {
    {{"is:read", Field::kRead, false},
     {"is:unread", Field::kRead, true},
     {"is:tagged", Field::kTagged, false},
     {"has:attachment", Field::kAttachment, false},
     {"has:attachments", Field::kAttachment, false},
     {"has:inline", Field::kInline, false},
     {"has:inlines", Field::kInline, false}}};

// Splits a query at its blanks outside of quotes, and removes the quotes.
std::vector<std::string> Split(absl::string_view query) {
  std::vector<std::string> terms(1);
  bool quoted = false;
  for (const char c : query) {
    if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && absl::ascii_isspace(c)) {
      terms.emplace_back();
    } else {
      terms.back() += c;
    }
  }
  return terms;
}

bool HasWord(absl::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(c) || static_cast<unsigned char>(c) >= 0x80;
  });
}

std::optional<absl::Time> ParseDate(absl::string_view text,
                                    absl::TimeZone zone) {
  for (const char* const format :
       {"%Y-%m-%d", "%Y/%m/%d", "%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M",
        "%Y-%m-%d %H:%M:%S", "%Y/%m/%d %H:%M:%S", "%Y-%m-%d%ET%H:%M:%E*S",
        absl::RFC3339_full}) {
    absl::Time time;
    std::string error;
    if (absl::ParseTime(format, text, zone, &time, &error)) return time;
  }
  return std::nullopt;
}

// Reads "100", "1.5k", "2 MB". K is 1024.
std::optional<uint64_t> ParseSize(absl::string_view text) {
  const size_t digits =
      std::min(text.find_first_not_of("0123456789."), text.size());
  double number = 0;
  if (!absl::SimpleAtod(text.substr(0, digits), &number)) return std::nullopt;
  const std::string unit = absl::AsciiStrToLower(
      absl::StripLeadingAsciiWhitespace(text.substr(digits)));
  if (unit == "k" || unit == "kb") {
    number *= 1024;
  } else if (unit == "m" || unit == "mb") {
    number *= 1024 * 1024;
  } else if (!unit.empty()) {
    return std::nullopt;
  }
  if (number < 0 || number > 1e15) return std::nullopt;
  return static_cast<uint64_t>(number);
}

absl::Status Unreadable(absl::string_view what, absl::string_view text) {
  return absl::InvalidArgumentError(
      absl::StrCat(what, ": ", absl::Utf8SafeCHexEscape(text)));
}

// Reads one term, without its negation.
absl::Status ReadTerm(absl::string_view text, absl::TimeZone zone,
                      SearchTerm* term) {
  for (const Whole& whole : kWholes) {
    if (!absl::EqualsIgnoreCase(text, whole.text)) continue;
    term->field = whole.field;
    term->negated ^= whole.negated;
    return absl::OkStatus();
  }
  for (const Prefix& prefix : kWords) {
    if (!absl::StartsWithIgnoreCase(text, prefix.text)) continue;
    term->field = prefix.field;
    term->word = SearchText(text.substr(prefix.text.size()));
    return absl::OkStatus();
  }
  const bool since = absl::StartsWithIgnoreCase(text, "after:");
  if (since || absl::StartsWithIgnoreCase(text, "before:")) {
    const absl::string_view value = text.substr(text.find(':') + 1);
    const std::optional<absl::Time> time = ParseDate(value, zone);
    if (!time) return Unreadable("not a date such as 2026-11-30", value);
    term->field = since ? Field::kSince : Field::kUntil;
    term->time = *time;
    return absl::OkStatus();
  }
  const bool larger = absl::StartsWithIgnoreCase(text, "larger:");
  if (larger || absl::StartsWithIgnoreCase(text, "smaller:")) {
    const absl::string_view value = text.substr(text.find(':') + 1);
    const std::optional<uint64_t> octets = ParseSize(value);
    if (!octets) return Unreadable("not a size such as 1.5k", value);
    term->field = larger ? Field::kLarger : Field::kSmaller;
    term->octets = *octets;
    return absl::OkStatus();
  }
  term->word = SearchText(text);
  return absl::OkStatus();
}

// Loads a zone of the system by its name. The library opens any path, a FIFO
// for example, and keeps each name in memory, so only names of regular files
// below the directory of the zones go to it.
bool LoadZone(absl::string_view name, absl::TimeZone* zone) {
  if (name == "UTC") return true;
  for (const absl::string_view segment : absl::StrSplit(name, '/')) {
    const bool plain =
        !segment.empty() &&
        std::all_of(segment.begin(), segment.end(), [](char c) {
          return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                 c == '_' || c == '+' || c == '-';
        });
    if (!plain) return false;
  }
  const char* const directory = getenv("TZDIR");
  const std::string path = absl::StrCat(
      directory != nullptr && *directory != '\0' ? directory
                                                 : "/usr/share/zoneinfo",
      "/", name);
  struct stat facts = {};
  return stat(path.c_str(), &facts) == 0 && S_ISREG(facts.st_mode) &&
         absl::LoadTimeZone(name, zone);
}

bool NeedsWord(Field field) { return field <= Field::kTag; }

}  // namespace

absl::StatusOr<std::vector<SearchTerm>> ParseSearchQuery(
    absl::string_view query, absl::string_view zone_name) {
  absl::TimeZone zone = absl::UTCTimeZone();
  if (!zone_name.empty() && !LoadZone(zone_name, &zone)) {
    return Unreadable("not a time zone such as Europe/Berlin", zone_name);
  }
  std::vector<SearchTerm> terms;
  for (const std::string& text : Split(query)) {
    absl::string_view rest = text;
    if (!HasWord(rest)) continue;
    SearchTerm term;
    term.negated =
        absl::ConsumePrefix(&rest, "-") || absl::ConsumePrefix(&rest, "!");
    if (absl::Status status = ReadTerm(rest, zone, &term); !status.ok()) {
      return status;
    }
    if (NeedsWord(term.field) && term.word.empty()) continue;
    terms.push_back(std::move(term));
  }
  return terms;
}

std::string SearchText(absl::string_view text) {
  const std::string lower = rig::LowerCase(text);
  std::string result;
  result.reserve(lower.size());
  bool blank = false;
  for (const char c : lower) {
    if (absl::ascii_isspace(c) || absl::StrContains("<>\",;()", c)) {
      blank = true;
      continue;
    }
    if (blank && !result.empty()) result += ' ';
    blank = false;
    result += c;
  }
  return result;
}

}  // namespace postern::programs
