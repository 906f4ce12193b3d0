// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Oracle: any octets decode from their xtext, which is one printable word
// without '='. What decodes is not longer than its xtext, and its own xtext
// decodes to the same octets. What is accepted as printable is printable.

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "engine/grammar/xtext.h"
#include "gtest/gtest.h"

namespace postern {

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string xtext = EncodeXtext(text);
  for (char c : xtext) EXPECT_TRUE(c > ' ' && c <= '~' && c != '=');
  EXPECT_EQ(DecodeXtext(xtext), std::string(text));

  const std::optional<std::string> decoded = DecodeXtext(text);
  const std::optional<std::string> printable = DecodePrintableXtext(text);
  if (printable) {
    EXPECT_EQ(printable, decoded);
    for (char c : *printable) {
      EXPECT_TRUE((c >= ' ' && c <= '~') || c == '\t');
    }
  }
  if (!decoded) return 0;
  const std::string again = EncodeXtext(*decoded);
  EXPECT_LE(again.size(), text.size());
  EXPECT_EQ(DecodeXtext(again), decoded);
  return 0;
}

}  // namespace postern
