// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/content/hop_counter.h"

#include <cstdint>
#include <cstring>

#include "absl/strings/ascii.h"
#include "engine/content/header_block.h"

namespace postern {
namespace {

constexpr size_t kBlock = HeaderBlock::kSize;

// Returns whether the line that begins with `c` may be a hop, or empty.
bool MayStartHop(char c) {
  const char folded = absl::ascii_tolower(c);
  return folded == 'r' || folded == 'd' || c == '\r' || c == '\n';
}

// Returns the eight octets at `p` with the two cases of each letter made equal.
// Only the two cases of a letter become that letter.
uint64_t FoldedWord(const char* p) {
  uint64_t word;
  std::memcpy(&word, p, sizeof(word));
  return word | 0x2020202020202020;
}

}  // namespace

void HopCounter::AddHeader(absl::string_view content) {
  while (in_header_ && !content.empty()) {
    size_t taken = 0;
    if (in_prefix_ && (length_ > 0 || MayStartHop(content.front()))) {
      if (length_ > 0 || content.size() < prefix_.size()) {
        taken = TakePrefix(content);
      } else {
        in_prefix_ = false;
        TakeLine(content.data());
      }
    } else if (content.size() >= 2 * kBlock) {
      taken = SkipLines(content);
    } else {
      const size_t lf = content.find('\n');
      in_prefix_ = lf != absl::string_view::npos;
      taken = in_prefix_ ? lf + 1 : content.size();
      length_ = 0;
    }
    content.remove_prefix(taken);
  }
}

// Takes the start of a relevant line, or more of it. Returns how much it has
// consumed. The LF is left for the search.
size_t HopCounter::TakePrefix(absl::string_view content) {
  if (length_ == 0) prefix_.fill('\0');
  size_t taken = 0;
  bool ended = false;
  while (taken < content.size() && length_ < prefix_.size() && !ended) {
    const char c = content[taken];
    ended = c == '\n';
    prefix_[length_++] = c;
    if (!ended) ++taken;
  }
  if (ended || length_ == prefix_.size()) {
    TakeLine(prefix_.data());
    in_prefix_ = false;
    length_ = 0;
  }
  return taken;
}

// Continues after the start of a line, counting hops, until less than a block
// is left or a line start is incomplete. Returns how much it has consumed.
size_t HopCounter::SkipLines(absl::string_view content) {
  char before = 0;
  for (size_t at = 0; at < content.size();) {
    const absl::string_view rest = content.substr(at);
    const size_t blocks = rest.size() / kBlock;
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
      TakeLine(line.data());
      if (!in_header_) return content.size();
    }
    if (block.dull < blocks) at += kBlock;
    before = content[at - 1];
  }
  in_prefix_ = before == '\n';
  return content.size();
}

// Examines the first nine octets of a line, padded with NULs if it is shorter.
void HopCounter::TakeLine(const char* prefix) {
  if (prefix[0] == '\n' || (prefix[0] == '\r' && prefix[1] == '\n')) {
    in_header_ = false;
    return;
  }
  const uint64_t word = FoldedWord(prefix);
  const bool received = word == FoldedWord("received");
  const bool delivered =
      (word == FoldedWord("delivere")) & ((prefix[8] | 0x20) == 'd');
  // No branch, because a sender could cause mispredictions.
  hops_ += static_cast<int>((received | delivered) & (hops_ < kMaxHops));
}

}  // namespace postern
