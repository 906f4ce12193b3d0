// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/spf/spf_term.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"
#include "policy/spf/spf_macro.h"

namespace postern::policy {
namespace {

using Kind = SpfTerm::Kind;

constexpr absl::string_view kVersion = "v=spf1";

enum class Domain : uint8_t { kNo, kMay, kMust };

struct MechanismRow {
  absl::string_view name;
  Kind kind;
  Domain domain;
  bool bits;  // whether a dual-cidr-length may follow
};
constexpr MechanismRow kMechanisms[] = {
    {"all", Kind::kAll, Domain::kNo, false},
    {"include", Kind::kInclude, Domain::kMust, false},
    {"a", Kind::kA, Domain::kMay, true},
    {"mx", Kind::kMx, Domain::kMay, true},
    {"ptr", Kind::kPtr, Domain::kMay, false},
    {"exists", Kind::kExists, Domain::kMust, false},
};

bool IsName(absl::string_view name) {
  if (name.empty() ||
      !absl::ascii_isalpha(static_cast<unsigned char>(name.front()))) {
    return false;
  }
  for (const char c : name) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) &&
        !absl::StrContains("-_.", c)) {
      return false;
    }
  }
  return true;
}

// Parses a number without leading zeros, up to `most`.
std::optional<int> ParseBits(absl::string_view digits, int most) {
  int bits = 0;
  if (digits.empty() || digits.size() > 3 ||
      (digits.size() > 1 && digits.front() == '0')) {
    return std::nullopt;
  }
  for (const char c : digits) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(c))) {
      return std::nullopt;
    }
    bits = bits * 10 + (c - '0');
  }
  if (bits > most) return std::nullopt;
  return bits;
}

// Takes `mark` and the digits after it from the end of `text`, if they are
// there. Returns false if the digits are not a length up to `most`.
bool TakeBits(absl::string_view mark, int most, absl::string_view* text,
              int* bits) {
  size_t begin = text->size();
  while (begin > 0 &&
         absl::ascii_isdigit(static_cast<unsigned char>((*text)[begin - 1]))) {
    --begin;
  }
  if (begin == text->size() || !absl::EndsWith(text->substr(0, begin), mark)) {
    return true;
  }
  const std::optional<int> parsed = ParseBits(text->substr(begin), most);
  if (!parsed) return false;
  *bits = *parsed;
  text->remove_suffix(text->size() - begin + mark.size());
  return true;
}

// Parses the part of ip4 or ip6 after the colon.
bool ParseNetwork(absl::string_view text, bool v4, SpfTerm* term) {
  const size_t slash = text.find('/');
  const absl::string_view address = text.substr(0, slash);
  if (slash != absl::string_view::npos) {
    const std::optional<int> bits =
        ParseBits(text.substr(slash + 1), v4 ? 32 : 128);
    if (!bits) return false;
    (v4 ? term->v4_bits : term->v6_bits) = *bits;
  }
  if (v4 == absl::StrContains(address, ':')) return false;
  term->address = IpAddress::Parse(address);
  return term->address.has_value();
}

bool ParseModifier(absl::string_view name, absl::string_view value,
                   SpfTerm* term) {
  if (absl::EqualsIgnoreCase(name, "redirect")) {
    term->kind = Kind::kRedirect;
  } else if (absl::EqualsIgnoreCase(name, "exp")) {
    term->kind = Kind::kExp;
  } else {
    term->kind = Kind::kUnknownModifier;
    return IsName(name) && IsSpfMacroString(value);
  }
  term->domain = value;
  return IsSpfDomainSpec(value);
}

bool ParseMechanism(absl::string_view text, SpfTerm* term) {
  if (absl::StrContains("+-?~", text.front())) {
    term->qualifier = text.front();
    text.remove_prefix(1);
  }
  const size_t end = text.find_first_of(":/");
  const absl::string_view name = text.substr(0, end);
  absl::string_view rest = text.substr(name.size());
  for (const bool v4 : {true, false}) {
    if (!absl::EqualsIgnoreCase(name, v4 ? "ip4" : "ip6")) continue;
    term->kind = v4 ? Kind::kIp4 : Kind::kIp6;
    return absl::ConsumePrefix(&rest, ":") && ParseNetwork(rest, v4, term);
  }
  for (const MechanismRow& row : kMechanisms) {
    if (!absl::EqualsIgnoreCase(name, row.name)) continue;
    term->kind = row.kind;
    if (row.bits && (!TakeBits("//", 128, &rest, &term->v6_bits) ||
                     !TakeBits("/", 32, &rest, &term->v4_bits))) {
      return false;
    }
    if (rest.empty()) return row.domain != Domain::kMust;
    if (row.domain == Domain::kNo || !absl::ConsumePrefix(&rest, ":")) {
      return false;
    }
    term->domain = rest;
    return IsSpfDomainSpec(rest);
  }
  return false;
}

}  // namespace

std::optional<SpfTerm> SpfTerm::Parse(absl::string_view text) {
  if (text.empty()) return std::nullopt;
  SpfTerm term;
  term.text = text;
  const size_t mark = text.find_first_of(":/=");
  const bool valid =
      mark != absl::string_view::npos && text[mark] == '='
          ? ParseModifier(text.substr(0, mark), text.substr(mark + 1), &term)
          : ParseMechanism(text, &term);
  if (!valid) return std::nullopt;
  return term;
}

bool IsSpfRecord(absl::string_view text) {
  return absl::StartsWithIgnoreCase(text, kVersion) &&
         (text.size() == kVersion.size() || text[kVersion.size()] == ' ');
}

SpfTerms::SpfTerms(absl::string_view record)
    : left_(record.substr(kVersion.size())) {}

absl::string_view SpfTerms::Next() {
  const size_t begin = left_.find_first_not_of(' ');
  if (begin == absl::string_view::npos) return left_ = "";
  left_.remove_prefix(begin);
  const absl::string_view term = left_.substr(0, left_.find(' '));
  left_.remove_prefix(term.size());
  return term;
}

std::optional<absl::string_view> FindSpfMistake(absl::string_view record) {
  bool redirect = false;
  bool exp = false;
  SpfTerms terms(record);
  for (;;) {
    const absl::string_view text = terms.Next();
    if (text.empty()) return std::nullopt;
    const std::optional<SpfTerm> term = SpfTerm::Parse(text);
    if (!term) return text;
    for (const auto& [kind, seen] :
         {std::pair(Kind::kRedirect, &redirect), std::pair(Kind::kExp, &exp)}) {
      if (term->kind != kind) continue;
      if (*seen) return text;
      *seen = true;
    }
  }
}

std::optional<SpfTerm> FindSpfTerm(absl::string_view record, Kind kind) {
  SpfTerms terms(record);
  for (;;) {
    const std::optional<SpfTerm> term = SpfTerm::Parse(terms.Next());
    if (!term || term->kind == kind) return term;
  }
}

}  // namespace postern::policy
