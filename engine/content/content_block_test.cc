// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/content/content_block.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "engine/content/scan_path.h"
#include "gtest/gtest.h"

namespace postern {
namespace {

constexpr size_t kBlock = ContentBlock::kSize;
constexpr ScanPath kPaths[] = {ScanPath::kPortable, ScanPath::kAvx2};

// The definition in the comment of SearchBlocks, one octet at a time.
bool Plain(absl::string_view block, char before) {
  for (char c : block) {
    if ((c == '\n') != (before == '\r')) return false;
    if (c == '.' && before == '\n') return false;
    before = c;
  }
  return true;
}

// Each octet that can make a block odd, at each place. There are more blocks
// than are counted at once, so that the count of lines is tested, too.
TEST(ContentBlockTest, FindsTheFirstOddBlock) {
  constexpr size_t kBlocks = 70;
  std::string plain;
  while (plain.size() < kBlocks * kBlock) plain += "\r\nx";
  for (ScanPath path : kPaths) {
    if (!CanRun(path)) continue;
    for (size_t place = 0; place < kBlocks * kBlock; ++place) {
      for (char c : {'\r', '\n', '.', 'x'}) {
        std::string in = plain.substr(0, kBlocks * kBlock);
        in[place] = c;
        for (char before : {'x', '\r', '\n'}) {
          if (before != 'x' && place >= 2 * kBlock) continue;
          ContentBlock block;
          BlockSearch(path)(in.data(), kBlocks, before, '.', &block);
          size_t want = 0;
          char last = before;
          while (want < kBlocks &&
                 Plain(absl::string_view(in).substr(want * kBlock, kBlock),
                       last)) {
            last = in[want * kBlock + kBlock - 1];
            ++want;
          }
          ASSERT_EQ(block.plain, want) << int{c} << " at " << place;
          const auto front = in.begin() + static_cast<long>(want * kBlock);
          ASSERT_EQ(block.lines, std::count(in.begin(), front, '\n'));
          if (want == kBlocks) continue;
          uint64_t lfs = 0;
          for (size_t i = 0; i < kBlock; ++i) {
            const char octet = in[want * kBlock + i];
            ASSERT_EQ(block.cr >> i & 1, octet == '\r');
            ASSERT_EQ(block.lf >> i & 1, octet == '\n');
            ASSERT_EQ(block.dot >> i & 1, octet == '.');
            lfs += octet == '\n';
          }
          ASSERT_EQ(block.lfs, lfs);
        }
      }
    }
  }
}

}  // namespace
}  // namespace postern
