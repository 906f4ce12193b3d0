// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Oracle: a line is printable ASCII, whatever a client sent. A JSON parser
// reads the JSON form as an object with exactly the members that were written.
// In both forms the value without its escapes is the text or, if the value says
// that it was cut, a beginning of it. A value is not longer than its limit, and
// is not cut if all of it fits.

#include <fuzzer/FuzzedDataProvider.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "gtest/gtest.h"
#include "log/log_line.h"

namespace postern::log {
namespace {

// Undoes \xNN in `value`. Sets `cut` if its end says that it was cut.
std::string Undo(absl::string_view value, bool* cut) {
  *cut = absl::ConsumeSuffix(&value, "\\...");
  std::string out;
  while (!value.empty()) {
    if (value[0] != '\\') {
      out += value[0];
      value.remove_prefix(1);
      continue;
    }
    EXPECT_TRUE(value.size() >= 4 && value[1] == 'x') << value;
    out += static_cast<char>(
        std::stoi(std::string(value.substr(2, 2)), nullptr, 16));
    value.remove_prefix(4);
  }
  return out;
}

void Check(absl::string_view value, const std::string& text) {
  bool cut = false;
  const std::string got = Undo(value, &cut);
  EXPECT_TRUE(cut ? absl::StartsWith(text, got) && got != text : got == text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzedDataProvider input(data, size);
  const auto limit = input.ConsumeIntegralInRange<size_t>(5, 80);
  const std::string text = input.ConsumeRemainingBytesAsString();

  const std::string line = LogLine("e").Text("k", text, limit).End();
  for (char c : line) EXPECT_TRUE(c >= ' ' && c <= '~');
  absl::string_view value = line;
  EXPECT_TRUE(absl::ConsumePrefix(&value, "e k="));
  EXPECT_FALSE(absl::StrContains(value, ' '));
  EXPECT_EQ(value == "\"\"", text.empty());
  if (text.empty()) value = "";
  EXPECT_LE(value.size(), limit);
  Check(value, text);

  const LogStyle style(LogFormat::kJson, "p", 1);
  const std::string whole =
      LogLine("e", style).Text("k", text, kNoLogLimit).End();
  const std::string json = LogLine("e", style).Text("k", text, limit).End();
  const size_t frame = LogLine("e", style).Word("k", "").End().size();
  for (char c : json) EXPECT_TRUE(c >= ' ' && c <= '~');
  EXPECT_EQ(json == whole, whole.size() - frame <= limit);
  EXPECT_LE(json.size() - frame, limit);
  const auto object = nlohmann::json::parse(json, nullptr, false);
  EXPECT_EQ(object.size(), 4u) << json;
  Check(object.at("k").get<std::string>(), text);
  return 0;
}

}  // namespace postern::log
