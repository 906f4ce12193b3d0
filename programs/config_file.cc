// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/config_file.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace postern::programs {

std::vector<CLI::ConfigItem> ConfigFile::from_config(
    std::istream& input) const {
  std::vector<CLI::ConfigItem> items;
  std::string line;
  for (int number = 1; std::getline(input, line); ++number) {
    const absl::string_view text = absl::StripAsciiWhitespace(line);
    if (text.empty() || text.front() == '#') continue;
    const size_t equals = text.find('=');
    const absl::string_view key =
        absl::StripAsciiWhitespace(text.substr(0, equals));
    if (equals == absl::string_view::npos || key.empty()) {
      throw CLI::ConfigError(
          absl::StrCat("--config: line ", number, " is not key=value"),
          CLI::ExitCodes::ConfigError);
    }
    CLI::ConfigItem& item = items.emplace_back();
    item.name = std::string(key);
    item.inputs.emplace_back(
        absl::StripAsciiWhitespace(text.substr(equals + 1)));
  }
  return items;
}

}  // namespace postern::programs
