// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The format of --config FILE.

#ifndef POSTERN_PROGRAMS_CONFIG_FILE_H_
#define POSTERN_PROGRAMS_CONFIG_FILE_H_

#include <CLI/CLI.hpp>
#include <istream>
#include <string>
#include <vector>

namespace postern::programs {

// One option a line, `key = value`, the key without its dashes. A value is all
// that stands behind the '=', but for white space at both ends: no quotes, no
// comments behind it, no lists. CLI11's own format cuts a folder's name at a
// '#' or a ','. Lines that are empty or begin with '#' say nothing.
class ConfigFile : public CLI::Config {
 public:
  // Throws CLI::ConfigError, with the number of the line.
  std::vector<CLI::ConfigItem> from_config(std::istream& input) const override;
  // Not offered: nothing prints configurations.
  std::string to_config(const CLI::App*, bool, bool,
                        std::string) const override {
    return "";
  }
};

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_CONFIG_FILE_H_
