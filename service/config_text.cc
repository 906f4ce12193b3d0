// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "service/config_text.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace postern::service {
namespace {

// A section, from any form of the value.
struct Section {
  std::string name;
  std::vector<std::pair<std::string, std::string>> keys;
};

// Returns the section for a value of an option that can have sections, or
// nullopt for a destination without a name, which is a line.
std::optional<Section> SectionOf(absl::string_view option,
                                 const OptionValue& value) {
  Section section;
  if (value.is_section) {
    section.name = value.text;
    for (const OptionValue::Key& key : value.keys) {
      section.keys.emplace_back(key.name, key.value);
    }
    return section;
  }
  if (option == "deliver") {
    // NAME=SPEC. A spec may contain '=' after its ':'.
    const size_t equals = value.text.find('=');
    if (equals == std::string::npos || value.text.find(':') < equals) {
      return std::nullopt;
    }
    section.name = value.text.substr(0, equals);
    section.keys.emplace_back("to", value.text.substr(equals + 1));
    return section;
  }
  // ADDRESS,WORD or ADDRESS,WORD=VALUE.
  const std::vector<std::string> parts = absl::StrSplit(value.text, ',');
  section.name = parts[0];
  for (size_t i = 1; i < parts.size(); ++i) {
    const size_t equals = parts[i].find('=');
    section.keys.emplace_back(
        parts[i].substr(0, equals),
        equals == std::string::npos ? "yes" : parts[i].substr(equals + 1));
  }
  return section;
}

std::string Comment(absl::string_view text) {
  return absl::StrCat("# ", absl::StrReplaceAll(text, {{"\n", "\n# "}}), "\n");
}

// Returns "# --NAME" or "# FILE:LINE", for a reader who looks for a value.
std::string From(const OptionValue& value, absl::string_view option) {
  absl::string_view place = value.place;
  absl::ConsumeSuffix(&place, absl::StrCat(": ", option));
  return Comment(absl::StrCat("From ", place));
}

absl::Status NotInAFile(absl::string_view place) {
  return absl::InvalidArgumentError(
      absl::StrCat(place, ": the value cannot be in a file"));
}

// Returns whether a line of a section can have the key: other words are
// mistakes, and could be a comment or a section there.
bool IsKey(absl::string_view key) {
  return !key.empty() && key != "include" &&
         std::all_of(key.begin(), key.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                  c == '-';
         });
}

absl::Status AppendSection(absl::string_view option, const Section& section,
                           const OptionValue& value, std::string* text) {
  absl::StrAppend(text, "\n", From(value, option), "[", option, " ",
                  section.name, "]\n");
  const auto name = FormatSetting(option, section.name, value.place);
  if (!name.ok()) return name.status();
  if (section.name.empty()) return NotInAFile(value.place);
  for (const auto& [key, key_value] : section.keys) {
    if (!IsKey(key)) return NotInAFile(value.place);
    auto line = FormatSetting(key, key_value, value.place);
    if (!line.ok()) return line.status();
    text->append(*line);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> FormatSetting(absl::string_view name,
                                          absl::string_view value,
                                          absl::string_view place) {
  const bool has_control = std::any_of(value.begin(), value.end(), [](char c) {
    return absl::ascii_iscntrl(static_cast<unsigned char>(c)) && c != '\t';
  });
  if (has_control || value != absl::StripAsciiWhitespace(value)) {
    return absl::InvalidArgumentError(absl::StrCat(
        place,
        ": the value cannot be in a file: it has a control character, or white "
        "space at an end"));
  }
  return absl::StrCat(name, " = ", value, "\n");
}

absl::StatusOr<std::string> FormatConfig(const Options& given,
                                         ConfigText kind) {
  std::string text;
  std::string sections;
  for (const OptionRow& row : given.rows()) {
    if (row.from == OptionRow::From::kCommandLine) continue;
    std::string lines;
    bool is_given = false;
    for (const OptionValue& value : given.Values(row.name)) {
      if (value.is_default) continue;
      is_given = true;
      const auto section =
          row.section ? SectionOf(row.name, value) : std::nullopt;
      if (section) {
        absl::Status status =
            AppendSection(row.name, *section, value, &sections);
        if (!status.ok()) return status;
        continue;
      }
      auto line = FormatSetting(row.name, value.text, value.place);
      if (!line.ok()) return line.status();
      absl::StrAppend(&lines, From(value, row.name), *line);
    }
    if (kind == ConfigText::kGiven) {
      text += lines;
      continue;
    }
    if (!text.empty()) text += "\n";
    text += Comment(row.help);
    if (!is_given) {
      const absl::string_view default_value =
          row.value.empty() ? "no" : DefaultOf(row);
      lines =
          absl::StrCat("#", row.name, " =", default_value.empty() ? "" : " ",
                       default_value, "\n");
    }
    text += lines;
  }
  return text + sections;
}

}  // namespace postern::service
