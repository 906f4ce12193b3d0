// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Oracle: each mistake in a file names the file. A file without mistakes, shown
// as a configuration file and read again, has no mistakes and the same values,
// in every form of the text.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "fuzz/memory_file.h"
#include "gtest/gtest.h"
#include "service/config_text.h"
#include "service/options.h"

namespace postern::service {
namespace {

constexpr OptionRow kRows[] = {
    {"config", "FILE", "more", OptionRow::From::kCommandLine},
    {"max-errors", "N [20]", "a number\nof errors"},
    {"open-relay", "", "a flag"},
    {"listen", "ADDRESS", "where", OptionRow::From::kAnywhere, true, true},
    {"deliver", "SPEC [queue]", "what", OptionRow::From::kAnywhere, true, true},
    {"lenient", "NETWORK", "who", OptionRow::From::kAnywhere, true},
};

// Returns the text that shows a file, or "" if the file has a mistake.
std::string Show(absl::string_view bytes, ConfigText kind) {
  const MemoryFile file(bytes);
  const std::string path = file.path();
  const char* const arguments[] = {"--config", path.c_str()};
  Options options(kRows);
  options.Read(arguments, [](const char*) { return nullptr; });
  for (const std::string& mistake : options.mistakes()) {
    EXPECT_TRUE(absl::StartsWith(mistake, path + ":")) << mistake;
  }
  if (!options.status().ok()) return "";
  const auto text = FormatConfig(options, kind);
  // A destination may have a name that is no name of a section.
  if (!text.ok()) return "";
  return *text;
}

// Returns the lines that are no comments.
std::vector<std::string> Settings(absl::string_view text) {
  std::vector<std::string> lines;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (!line.empty() && line[0] != '#') lines.emplace_back(line);
  }
  return lines;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  // It would read files of this host.
  if (absl::StrContains(bytes, "include")) return 0;
  const std::string given = Show(bytes, ConfigText::kGiven);
  if (given.empty()) return 0;
  EXPECT_EQ(Settings(Show(given, ConfigText::kGiven)), Settings(given));
  const std::string all = Show(bytes, ConfigText::kAll);
  EXPECT_EQ(Settings(all), Settings(given));
  EXPECT_EQ(Settings(Show(all, ConfigText::kGiven)), Settings(given));
  return 0;
}

}  // namespace postern::service
