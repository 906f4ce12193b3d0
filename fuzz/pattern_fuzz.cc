// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Oracle: an expression that compiles is one for the C library too, and both
// find a match in the same texts. Case has no effect, and a negated line of a
// list applies to exactly the other texts.

#include <fuzzer/FuzzedDataProvider.h>
#include <regex.h>

#include <cstdint>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gtest/gtest.h"
#include "policy/control/pattern.h"
#include "policy/control/pattern_list.h"

namespace postern::policy {

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzedDataProvider input(data, size);
  // The library's strings end at a NUL.
  const std::string pattern = absl::StrReplaceAll(
      input.ConsumeRandomLengthString(60), {{std::string(1, '\0'), "0"}});
  const std::string text = absl::StrReplaceAll(
      input.ConsumeRandomLengthString(60), {{std::string(1, '\0'), "0"}});
  const auto compiled = Pattern::Compile(pattern);
  const auto list = PatternList::Make("/p", {{pattern, 1}});
  const auto negated = PatternList::Make("/p", {{"!" + pattern, 1}});
  EXPECT_EQ(negated.ok(), compiled.ok());
  if (!compiled.ok()) return 0;
  EXPECT_LE(compiled->size(), Pattern::kMaxSize);
  const bool matches = compiled->Matches(text);
  EXPECT_EQ(negated->Find(text).has_value(), !matches);
  // A '!' at the beginning of an expression negates it in a list.
  if (pattern[0] != '!') {
    EXPECT_EQ(list->Find(text).has_value(), matches);
  }
  EXPECT_EQ(compiled->Matches(absl::AsciiStrToUpper(text)), matches);
  EXPECT_EQ(compiled->Matches(absl::AsciiStrToLower(text)), matches);
  // The library needs too much time and memory for larger ones.
  if (compiled->size() > 300) return 0;
  regex_t library;
  if (regcomp(&library, pattern.c_str(),
              REG_EXTENDED | REG_ICASE | REG_NOSUB) != 0) {
    ADD_FAILURE() << "the library refuses " << pattern;
    return 0;
  }
  const bool wanted = regexec(&library, text.c_str(), 0, nullptr, 0) == 0;
  regfree(&library);
  EXPECT_EQ(matches, wanted) << pattern << " in " << text;
  return 0;
}

}  // namespace postern::policy
