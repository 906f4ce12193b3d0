// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/hop_counter.h"

#include <cstdint>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "engine/header_block.h"

namespace postern {
namespace {

constexpr size_t kBlock = HeaderBlock::kSize;

// Returns whether the line that begins with `c` may be a hop, or empty.
bool Matters(char c) {
  const char folded = absl::ascii_tolower(c);
  return folded == 'r' || folded == 'd' || c == '\r' || c == '\n';
}

// Returns the eight octets at `p` with letters of either case made one. Only
// the two cases of a letter become that letter.
uint64_t FoldedWord(const char* p) {
  uint64_t word;
  std::memcpy(&word, p, sizeof(word));
  return word | 0x2020202020202020;
}

}  // namespace

void HopCounter::Add(absl::string_view content) {
  while (in_header_ && !content.empty()) {
    content.remove_prefix(in_prefix_ ? TakePrefix(content)
                                     : SkipLines(content));
  }
}

// Takes the start of a line, or more of it. Returns how much it has consumed;
// the LF is left to SkipLines().
size_t HopCounter::TakePrefix(absl::string_view content) {
  if (length_ == 0) {
    if (!Matters(content.front())) {
      in_prefix_ = false;
      return 0;
    }
    prefix_.fill('\0');
  }
  size_t taken = 0;
  while (taken < content.size() && length_ < prefix_.size()) {
    const char c = content[taken];
    if (c == '\n') {
      const absl::string_view line(prefix_.data(), length_);
      if (line.empty() || line == "\r") {
        in_header_ = false;
        return taken;
      }
      break;
    }
    ++taken;
    prefix_[length_++] = c;
  }
  if (taken < content.size() || length_ == prefix_.size()) {
    Count(prefix_.data());
    in_prefix_ = false;
  }
  return taken;
}

// Goes to the start of the next line that matters, counting the hops it passes.
// Returns how much it has consumed.
size_t HopCounter::SkipLines(absl::string_view content) {
  length_ = 0;
  // One line, as a rule: the next one's start is looked at anyway.
  if (content.size() < 2 * kBlock) {
    const size_t lf = content.find('\n');
    if (lf == absl::string_view::npos) return content.size();
    in_prefix_ = true;
    return lf + 1;
  }
  char before = 0;
  for (size_t at = 0; at < content.size();) {
    const absl::string_view rest = content.substr(at);
    const size_t blocks = rest.size() / kBlock;
    // What is less than a block is for the search above.
    if (blocks == 0) {
      in_prefix_ = before == '\n';
      return at;
    }
    const HeaderBlock block = FindLineStart(path_, rest.data(), blocks, before);
    at += block.dull * kBlock;
    for (uint64_t starts = block.starts; starts != 0; starts &= starts - 1) {
      const absl::string_view line =
          content.substr(at + static_cast<size_t>(__builtin_ctzll(starts)));
      if (line.size() < prefix_.size()) {
        in_prefix_ = true;
        return content.size() - line.size();
      }
      if (line.front() == '\n' || absl::StartsWith(line, "\r\n")) {
        in_header_ = false;
        return content.size();
      }
      Count(line.data());
    }
    if (block.dull < blocks) at += kBlock;
    before = content[at - 1];
  }
  in_prefix_ = before == '\n';
  return content.size();
}

// Counts a line if its first octets, padded with NULs, make it a hop.
void HopCounter::Count(const char* prefix) {
  const uint64_t word = FoldedWord(prefix);
  const bool hop =
      word == FoldedWord("received") ||
      (word == FoldedWord("delivere") && (prefix[8] | 0x20) == 'd');
  if (hop && hops_ < kMost) ++hops_;
}

}  // namespace postern
