// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Reads a configuration file and the files that it includes. The grammar is in
// postern-config(7). This file knows no option: service/options.h gives the
// keys their meaning.

#ifndef POSTERN_SERVICE_CONFIG_FILE_H_
#define POSTERN_SERVICE_CONFIG_FILE_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace postern::service {

// The largest size of one file, in bytes: a file with all options is below
// 100 KiB. Programs that serve read the files, so their size is limited.
inline constexpr size_t kMaxConfigFile = size_t{1} << 20;
// The number of files that include each other in a chain.
inline constexpr size_t kMaxConfigDepth = 8;
// The number of files in total.
inline constexpr size_t kMaxConfigFiles = 256;

// Immutable after Read().
class ConfigFile {
 public:
  // `KEY = VALUE`.
  struct Setting {
    std::string key;
    std::string value;  // without white space at both ends; may be empty
    size_t file = 0;    // for PlaceOf()
    int line = 0;
  };
  // A key outside of a section, or a section `[KEY VALUE]` with its settings.
  struct Entry {
    Setting setting;
    bool is_section = false;
    std::vector<Setting> settings;  // empty if this is no section
  };

  ConfigFile() = default;

  // Reads `path` and the files that it includes. The entries are in the order
  // of the lines, with included files in place of their line. Adds a mistake
  // for each line that is not valid, and for a file that is missing, that
  // cannot be read, that every user may write to, or that exceeds a limit. Each
  // begins with "FILE: " or "FILE:LINE: ". Blocks.
  static ConfigFile Read(absl::string_view path,
                         std::vector<std::string>* mistakes);

  const std::vector<Entry>& entries() const { return entries_; }
  // The paths of the files that were read, in that order. The first is the
  // argument of Read().
  const std::vector<std::string>& files() const { return files_; }

  // Returns "FILE:LINE".
  std::string PlaceOf(const Setting& setting) const;

 private:
  class Reader;

  std::vector<std::string> files_;
  std::vector<Entry> entries_;
};

}  // namespace postern::service

#endif  // POSTERN_SERVICE_CONFIG_FILE_H_
