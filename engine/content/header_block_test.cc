// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/content/header_block.h"

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "engine/content/scan_path.h"
#include "gtest/gtest.h"

namespace postern {
namespace {

constexpr size_t kBlock = HeaderBlock::kSize;
constexpr ScanPath kPaths[] = {ScanPath::kPortable, ScanPath::kAvx2};

// A line that begins with each octet, at each place in the first and in later
// blocks.
TEST(HeaderBlockTest, FindsRelevantLines) {
  constexpr absl::string_view kMatters = "rRdD\r\n";
  constexpr size_t kBlocks = 4;
  for (ScanPath path : kPaths) {
    if (!CanRun(path)) continue;
    for (int c = 0; c < 256; ++c) {
      const bool matters =
          kMatters.find(static_cast<char>(c)) != absl::string_view::npos;
      for (size_t place = 0; place < kBlocks * kBlock; ++place) {
        std::string in(kBlocks * kBlock, ' ');
        in[place] = static_cast<char>(c);
        if (place > 0) in[place - 1] = '\n';
        const HeaderBlock block =
            FindLineStart(path, in.data(), kBlocks, place > 0 ? 'x' : '\n');
        const uint64_t bit = uint64_t{1} << place % kBlock;
        const bool found =
            block.dull == place / kBlock && (block.starts & bit) != 0;
        ASSERT_TRUE(found || !matters) << c << " at " << place;
        // The search cannot distinguish '-' and '*' from CR and LF.
        if (!matters && c != '-' && c != '*') {
          ASSERT_FALSE(found) << c << " at " << place;
          ASSERT_EQ(block.dull, kBlocks);
        }
        // Not at the start of a line, so nothing is found.
        if (place > 0) in[place - 1] = 'x';
        ASSERT_EQ(FindLineStart(path, in.data(), kBlocks, 'x').dull, kBlocks);
      }
    }
  }
}

}  // namespace
}  // namespace postern
