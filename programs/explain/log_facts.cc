// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/explain/log_facts.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "nlohmann/json.hpp"

namespace postern::programs {
namespace {

using Fields = std::map<std::string, std::string>;

// Returns the text whose escaped form is `text`: each \xNN is a byte. Returns
// nullopt if the value was cut.
std::optional<std::string> Unescape(absl::string_view text) {
  if (absl::EndsWith(text, "\\...")) return std::nullopt;
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    uint32_t octet = 0;
    if (absl::StartsWith(text.substr(i), "\\x") && i + 3 < text.size() &&
        absl::ascii_isxdigit(text[i + 2]) &&
        absl::ascii_isxdigit(text[i + 3]) &&
        absl::SimpleHexAtoi(text.substr(i + 2, 2), &octet)) {
      plain.push_back(static_cast<char>(octet));
      i += 3;
    } else {
      plain.push_back(text[i]);
    }
  }
  return plain;
}

absl::Status Add(absl::string_view key, absl::string_view value,
                 Fields* fields) {
  std::optional<std::string> plain = Unescape(value);
  if (!plain && (key == "as" || key == "reply" || key == "source")) {
    return absl::OkStatus();
  }
  if (!plain) {
    return absl::InvalidArgumentError(
        absl::StrCat("the value of ", key, "= was cut in the log"));
  }
  if (!fields->emplace(key, *std::move(plain)).second) {
    return absl::InvalidArgumentError(absl::StrCat(key, "= occurs twice"));
  }
  return absl::OkStatus();
}

bool IsKey(absl::string_view text) {
  for (char c : text) {
    if (!absl::ascii_islower(c) && c != '-') return false;
  }
  return !text.empty();
}

absl::Status ReadLogfmt(absl::string_view line, Fields* fields) {
  while (!line.empty()) {
    line = absl::StripLeadingAsciiWhitespace(line);
    const size_t end = std::min(line.find(' '), line.size());
    const size_t equals = line.substr(0, end).find('=');
    if (equals == absl::string_view::npos || !IsKey(line.substr(0, equals))) {
      line.remove_prefix(end);
      continue;
    }
    const absl::string_view key = line.substr(0, equals);
    line.remove_prefix(equals + 1);
    absl::string_view value;
    if (absl::ConsumePrefix(&line, "\"")) {
      value = line.substr(0, line.find('"'));
      line.remove_prefix(std::min(value.size() + 1, line.size()));
    } else {
      value = line.substr(0, line.find_first_of(" \t\r\n"));
      line.remove_prefix(value.size());
      if (absl::ConsumePrefix(&value, "<")) absl::ConsumeSuffix(&value, ">");
    }
    if (absl::Status status = Add(key, value, fields); !status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

absl::Status ReadJson(absl::string_view text, Fields* fields) {
  const auto object = nlohmann::json::parse(text.begin(), text.end(), nullptr,
                                            /*allow_exceptions=*/false);
  if (!object.is_object()) {
    return absl::InvalidArgumentError("not one JSON object");
  }
  for (const auto& [key, value] : object.items()) {
    if (!value.is_string()) continue;
    if (absl::Status status = Add(key, value.get<std::string>(), fields);
        !status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Fields> ReadLogLine(absl::string_view line) {
  line = absl::StripAsciiWhitespace(line);
  Fields fields;
  const size_t object = line.find("{\"event\"");
  const absl::Status status = object != absl::string_view::npos
                                  ? ReadJson(line.substr(object), &fields)
                                  : ReadLogfmt(line, &fields);
  if (!status.ok()) return status;
  if (fields.empty()) {
    return absl::InvalidArgumentError("no key=value in the line");
  }
  return fields;
}

}  // namespace postern::programs
