// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "recording/config_fields.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "engine/grammar/extension.h"
#include "engine/grammar/strictness.h"

namespace postern::recording {
namespace {

using Words = std::vector<std::string>;

// A field: its key, and the member.
struct Field {
  absl::string_view key;
  std::variant<bool ServerConfig::*, int ServerConfig::*,
               uint64_t ServerConfig::*, std::string ServerConfig::*,
               Words ServerConfig::*, ExtensionSet ServerConfig::*,
               OutOfTurn ServerConfig::*, BareNewlines ServerConfig::*,
               Strictness ServerConfig::*, absl::Duration ServerConfig::*,
               std::optional<HoldLimits> ServerConfig::*>
      member;
};

static_assert(sizeof(size_t) == sizeof(uint64_t));

constexpr Field kFields[] = {
    {"greeting", &ServerConfig::greeting},
    {"require_hello", &ServerConfig::require_hello},
    {"lmtp", &ServerConfig::lmtp},
    {"extensions", &ServerConfig::extensions},
    {"carried", &ServerConfig::carried},
    {"more_verbs", &ServerConfig::more_verbs},
    {"announce_limits", &ServerConfig::announce_limits},
    {"hold_limits", &ServerConfig::hold_limits},
    {"min_deliver_by", &ServerConfig::min_deliver_by},
    {"offer_starttls", &ServerConfig::offer_starttls},
    {"require_tls", &ServerConfig::require_tls},
    {"mechanisms", &ServerConfig::mechanisms},
    {"mechanisms_without_tls", &ServerConfig::mechanisms_without_tls},
    {"require_auth", &ServerConfig::require_auth},
    {"old_auth_line", &ServerConfig::old_auth_line},
    {"xclient", &ServerConfig::xclient},
    {"xclient_login", &ServerConfig::xclient_login},
    {"early_talk", &ServerConfig::early_talk},
    {"pipelining", &ServerConfig::pipelining},
    {"max_message_size", &ServerConfig::max_message_size},
    {"max_recipients", &ServerConfig::max_recipients},
    {"max_messages", &ServerConfig::max_messages},
    {"max_line", &ServerConfig::max_line},
    {"max_auth_line", &ServerConfig::max_auth_line},
    {"max_output", &ServerConfig::max_output},
    {"max_errors", &ServerConfig::max_errors},
    {"max_invalid_recipients", &ServerConfig::max_invalid_recipients},
    {"max_reported", &ServerConfig::max_reported},
    {"max_auth_failures", &ServerConfig::max_auth_failures},
    {"max_discarded", &ServerConfig::max_discarded},
    {"max_hops", &ServerConfig::max_hops},
    {"bare_newlines", &ServerConfig::bare_newlines},
    {"strictness", &ServerConfig::strictness},
    {"command_timeout", &ServerConfig::command_timeout},
    {"data_timeout", &ServerConfig::data_timeout},
    {"data_block", &ServerConfig::data_block},
    {"bare_newline_timeout", &ServerConfig::bare_newline_timeout},
};

template <typename T, size_t kCount>
bool Choose(absl::string_view text,
            const std::pair<absl::string_view, T> (&choices)[kCount],
            T* value) {
  for (const auto& [word, choice] : choices) {
    if (word != text) continue;
    *value = choice;
    return true;
  }
  return false;
}

constexpr std::pair<absl::string_view, OutOfTurn> kOutOfTurn[] = {
    {"note", OutOfTurn::kNote}, {"reject", OutOfTurn::kReject}};
constexpr std::pair<absl::string_view, BareNewlines> kBareNewlines[] = {
    {"reject", BareNewlines::kReject}, {"normalize", BareNewlines::kNormalize}};
constexpr std::pair<absl::string_view, Strictness> kStrictness[] = {
    {"strict", Strictness::kStrict}, {"lenient", Strictness::kLenient}};

// One overload for each type of a field: Read() parses its value.
bool Read(absl::string_view text, bool* value) {
  return absl::SimpleAtob(text, value);
}
bool Read(absl::string_view text, int* value) {
  return absl::SimpleAtoi(text, value);
}
bool Read(absl::string_view text, uint64_t* value) {
  return absl::SimpleAtoi(text, value);
}
bool Read(absl::string_view text, std::string* value) {
  *value = std::string(text);
  return true;
}
bool Read(absl::string_view text, Words* value) {
  *value = absl::StrSplit(text, ' ', absl::SkipEmpty());
  return true;
}
// "CHUNKING DSN": EHLO's keywords.
bool Read(absl::string_view text, ExtensionSet* value) {
  *value = {};
  for (absl::string_view word : absl::StrSplit(text, ' ', absl::SkipEmpty())) {
    const auto* row = std::find_if(
        std::begin(kExtensionTable), std::end(kExtensionTable),
        [word](const ExtensionRow& row) { return row.keyword == word; });
    if (row == std::end(kExtensionTable)) return false;
    *value = *value | ExtensionSet{row->extension};
  }
  return true;
}
bool Read(absl::string_view text, OutOfTurn* value) {
  return Choose(text, kOutOfTurn, value);
}
bool Read(absl::string_view text, BareNewlines* value) {
  return Choose(text, kBareNewlines, value);
}
bool Read(absl::string_view text, Strictness* value) {
  return Choose(text, kStrictness, value);
}
bool Read(absl::string_view text, absl::Duration* value) {
  int64_t seconds = 0;
  if (absl::SimpleAtoi(text, &seconds)) {
    *value = absl::Seconds(seconds);
    return true;
  }
  return absl::ParseDuration(text, value);
}
// "3600 1800000000": the longest time in seconds, and the latest date. Empty:
// no limits.
bool Read(absl::string_view text, std::optional<HoldLimits>* value) {
  if (text.empty()) {
    value->reset();
    return true;
  }
  const std::pair<absl::string_view, absl::string_view> words =
      absl::StrSplit(text, absl::MaxSplits(' ', 1));
  int64_t longest = 0;
  int64_t latest = 0;
  if (!absl::SimpleAtoi(words.first, &longest) ||
      !absl::SimpleAtoi(words.second, &latest)) {
    return false;
  }
  HoldLimits& limits = value->emplace();
  limits.longest = absl::Seconds(longest);
  limits.latest = absl::FromUnixSeconds(latest);
  return true;
}

template <typename T, size_t kCount>
std::string NameOf(const std::pair<absl::string_view, T> (&choices)[kCount],
                   T value) {
  for (const auto& [word, choice] : choices) {
    if (choice == value) return std::string(word);
  }
  return "";
}

// And Write() formats it.
std::string Write(bool value) { return value ? "true" : "false"; }
std::string Write(int value) { return absl::StrCat(value); }
std::string Write(uint64_t value) { return absl::StrCat(value); }
std::string Write(const std::string& value) { return value; }
std::string Write(const Words& value) { return absl::StrJoin(value, " "); }
std::string Write(ExtensionSet value) {
  std::vector<absl::string_view> words;
  for (const ExtensionRow& row : kExtensionTable) {
    if (value.Has(row.extension)) words.push_back(row.keyword);
  }
  return absl::StrJoin(words, " ");
}
std::string Write(OutOfTurn value) { return NameOf(kOutOfTurn, value); }
std::string Write(BareNewlines value) { return NameOf(kBareNewlines, value); }
std::string Write(Strictness value) { return NameOf(kStrictness, value); }
std::string Write(absl::Duration value) { return absl::FormatDuration(value); }
std::string Write(const std::optional<HoldLimits>& value) {
  if (!value) return "";
  return absl::StrCat(absl::ToInt64Seconds(value->longest), " ",
                      absl::ToUnixSeconds(value->latest));
}

}  // namespace

absl::Status SetField(absl::string_view text, ServerConfig* config) {
  const std::pair<absl::string_view, absl::string_view> words =
      absl::StrSplit(text, absl::MaxSplits(' ', 1));
  for (const Field& field : kFields) {
    if (field.key != words.first) continue;
    const bool good = std::visit(
        [&](auto member) { return Read(words.second, &(config->*member)); },
        field.member);
    if (good) return absl::OkStatus();
    return absl::InvalidArgumentError("bad value");
  }
  return absl::InvalidArgumentError("unknown key");
}

std::string FormatFields(const ServerConfig& config, const ServerConfig& base) {
  std::string out;
  for (const Field& field : kFields) {
    std::visit(
        [&](auto member) {
          const std::string value = Write(config.*member);
          if (value == Write(base.*member)) return;
          absl::StrAppend(&out, "set ", field.key, value.empty() ? "" : " ",
                          value, "\n");
        },
        field.member);
  }
  return out;
}

}  // namespace postern::recording
