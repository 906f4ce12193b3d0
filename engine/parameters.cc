// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/parameters.h"

#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace postern {
namespace {

struct Parameter {
  absl::string_view keyword;
  std::optional<absl::string_view> value;
};

Reply BadParameter(absl::string_view what) {
  return {501, {5, 5, 4}, absl::StrCat(what, " (#5.5.4)")};
}

const Reply& UnknownParameter() {
  static const auto* const reply =
      new Reply{555, {5, 5, 4}, "unknown parameter (#5.5.4)"};
  return *reply;
}

// Takes the next esmtp-param off `text`; nullopt when only white space is
// left. On bad syntax the parameter has an empty keyword.
std::optional<Parameter> Take(absl::string_view* text) {
  const bool separated = text->empty() || text->front() == ' ';
  while (!text->empty() && text->front() == ' ') text->remove_prefix(1);
  if (text->empty()) return std::nullopt;
  const absl::string_view word = text->substr(0, text->find(' '));
  text->remove_prefix(word.size());
  const size_t equals = word.find('=');
  Parameter parameter{word.substr(0, equals), std::nullopt};
  for (char c : parameter.keyword) {
    if (!absl::ascii_isalnum(c) && c != '-') return Parameter{};
  }
  if (equals != absl::string_view::npos) {
    parameter.value = word.substr(equals + 1);
    // An esmtp-value is printable, without '=' and of at least one octet.
    if (parameter.value->empty() ||
        parameter.value->find('=') != absl::string_view::npos) {
      return Parameter{};
    }
  }
  return separated ? parameter : Parameter{};
}

// RFC 1870 4: 1 to 20 digits. Larger than the type holds is as large as can
// be, not a mistake: such a message is too big, and 552 says so.
std::optional<uint64_t> ParseSize(absl::string_view digits) {
  if (digits.empty() || digits.size() > 20) return std::nullopt;
  constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();
  uint64_t value = 0;
  for (char c : digits) {
    if (!absl::ascii_isdigit(c)) return std::nullopt;
    const uint64_t digit = static_cast<uint64_t>(c - '0');
    value = value > (kMax - digit) / 10 ? kMax : 10 * value + digit;
  }
  return value;
}

}  // namespace

std::variant<MailParameters, Reply> ParseMailParameters(
    absl::string_view text) {
  MailParameters parameters;
  while (std::optional<Parameter> p = Take(&text)) {
    if (p->keyword.empty()) return BadParameter("syntax error in parameters");
    if (absl::EqualsIgnoreCase(p->keyword, "SIZE")) {
      if (parameters.size) return BadParameter("SIZE given twice");
      if (p->value) parameters.size = ParseSize(*p->value);
      if (!parameters.size) return BadParameter("bad SIZE");
    } else if (absl::EqualsIgnoreCase(p->keyword, "BODY")) {
      if (parameters.body) return BadParameter("BODY given twice");
      if (!p->value) return BadParameter("bad BODY");
      if (absl::EqualsIgnoreCase(*p->value, "7BIT")) {
        parameters.body = BodyType::k7Bit;
      } else if (absl::EqualsIgnoreCase(*p->value, "8BITMIME")) {
        parameters.body = BodyType::k8BitMime;
      } else {
        return BadParameter("bad BODY");
      }
    } else {
      return UnknownParameter();
    }
  }
  return parameters;
}

std::optional<Reply> CheckRcptParameters(absl::string_view text) {
  const std::optional<Parameter> p = Take(&text);
  if (!p) return std::nullopt;
  if (p->keyword.empty()) return BadParameter("syntax error in parameters");
  return UnknownParameter();
}

}  // namespace postern
