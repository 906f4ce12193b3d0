// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/body_scanner.h"

#include <algorithm>
#include <cstring>

#include "engine/octets.h"

namespace postern {
namespace {

constexpr size_t kBlock = ContentBlock::kSize;

// A block with more bare newlines and stuffed dots than these is copied: that
// takes as long whatever is in it.
constexpr size_t kMostSliced = 6;
// Each of them ends a slice and may be one; a last one is behind them all.
constexpr size_t kSlicesOfBlock = 2 * kMostSliced + 1;
// Each octet may need another before it.
constexpr size_t kCopyOfBlock = 2 * kBlock;

size_t Lowest(uint64_t bits) {
  return static_cast<size_t>(__builtin_ctzll(bits));
}

}  // namespace

BodyScanner::Result BodyScanner::Scan(absl::string_view in) {
  count_ = copied_ = 0;
  if (in.empty()) return {};
  const bool counted = framing_ == Framing::kCounted;
  if (counted && defect_) return {in.size()};
  Input input{in, in.size() - Undecided(in)};
  input.line_start = line_start_;
  if (cr_open_) input.before = '\r';
  if (line_start_) input.before = '\n';

  while (input.at < in.size()) {
    if (!HasRoom()) {
      // A CR there is followed by what has not been looked at.
      const bool open = !counted && in[input.at - 1] == '\r';
      input.decided = std::min(input.decided, input.at - open);
      break;
    }
    const std::optional<ContentBlock> block = NextOddBlock(&input);
    if (block && TakeOddBlock(*block, &input)) {
      return {input.at, true, absl::MakeConstSpan(room_.slices.data(), count_)};
    }
  }
  Emit(in.substr(input.from, input.decided - input.from));
  if (input.decided > 0) {
    line_start_ = BehindCrlf(in, input.decided);
    cr_open_ = counted && in[input.decided - 1] == '\r';
  }
  return {input.decided, false,
          absl::MakeConstSpan(room_.slices.data(), count_)};
}

BodyScanner::Result BodyScanner::Finish() {
  count_ = copied_ = 0;
  if (cr_open_ && !defect_) {
    if (mode_ == BareNewlines::kNormalize) {
      Emit("\n");
    } else {
      defect_ = Defect{'\r', lines_ + 1};
    }
  }
  cr_open_ = false;
  return {0, false, absl::MakeConstSpan(room_.slices.data(), count_)};
}

// Skips plain blocks, or a plain part of one at the end of the input. Returns
// the block behind them if that is known to be odd.
std::optional<ContentBlock> BodyScanner::NextOddBlock(Input* input) {
  const absl::string_view rest = input->in.substr(input->at);
  // No dot is special if it stands for what is odd anyway: an LF behind one.
  const char dot = framing_ == Framing::kDotted ? '.' : '\n';
  const size_t blocks = std::max<size_t>(rest.size() / kBlock, 1);
  ContentBlock block;
  if (rest.size() >= kBlock) {
    block = FindOddBlock(path_, rest.data(), blocks, input->before, dot);
  } else {
    char padded[kBlock] = {};
    std::memcpy(padded, rest.data(), rest.size());
    block = FindOddBlock(path_, padded, 1, input->before, dot);
  }
  const bool odd = block.plain < blocks;
  const size_t plain = std::min(block.plain * kBlock, rest.size());
  lines_ += block.lines;
  examined_ += plain + (odd ? std::min(kBlock, rest.size() - plain) : 0);
  if (plain > 0) {
    input->at += plain;
    input->before = input->in[input->at - 1];
    input->line_start = input->before == '\n';
  }
  if (!odd) return std::nullopt;
  return block;
}

// Returns true, behind it, if the end of the data is in the block.
bool BodyScanner::TakeOddBlock(const ContentBlock& block, Input* input) {
  const absl::string_view in = input->in;
  const size_t at = input->at;
  const size_t size = std::min(kBlock, in.size() - at);
  const uint64_t behind_cr = block.cr << 1 | (input->before == '\r');
  const uint64_t crlf = block.lf & behind_cr;  // at their LFs
  // A bare LF at itself, a bare CR at the octet behind it, where it shows.
  uint64_t bare = (block.lf ^ behind_cr) & LowBits(size);
  uint64_t dots = 0;
  // Where the content ends as far as this block goes.
  size_t stop = input->decided > at ? std::min(size, input->decided - at) : 0;
  bool end = false;
  if (framing_ == Framing::kDotted) {
    dots = block.dot & (crlf << 1 | input->line_start) & LowBits(stop);
    const uint64_t before_cr = block.cr >> 1 | uint64_t{1} << (kBlock - 1);
    for (uint64_t left = dots & before_cr; left != 0; left &= left - 1) {
      const size_t dot = Lowest(left);
      examined_ += 3;
      if (in.substr(at + dot, 3) != ".\r\n") continue;
      end = true;
      stop = dot;
      bare &= LowBits(dot);
      dots &= LowBits(dot);
      break;
    }
  }

  if (!defect_) {
    std::optional<Defect> defect;
    size_t upto = at + stop;
    if (mode_ == BareNewlines::kReject && bare != 0) {
      const size_t first = Lowest(bare);
      const bool lf = (block.lf >> first & 1) != 0;
      defect.emplace(Defect{lf ? '\n' : '\r',
                            lines_ + CountBits(crlf & LowBits(first)) + 1});
      bare = 0;
      dots &= LowBits(first);
      // Whether a CR that is held back was content is known only now.
      upto = at + first - (!lf && framing_ == Framing::kDotted);
    }
    if (CountBits(bare | dots) > kMostSliced) {
      // A CR at its end is left to the slice behind it: it may be held back.
      if (upto > at && in[upto - 1] == '\r') --upto;
      Emit(in.substr(input->from, at - input->from));
      EmitCopy(in.substr(at, upto - at), bare, block.lf, dots);
      input->from = upto;
      bare &= ~LowBits(upto - at);
      dots &= ~LowBits(upto - at);
    }
    for (uint64_t left = bare | dots; left != 0; left &= left - 1) {
      const size_t i = Lowest(left);
      Emit(in.substr(input->from, at + i - input->from));
      input->from = at + i;
      if ((dots >> i & 1) != 0) {
        ++input->from;
      } else {
        Emit((block.lf >> i & 1) != 0 ? "\r" : "\n");
      }
    }
    if (defect) {
      Emit(in.substr(input->from, upto - input->from));
      defect_ = defect;
    }
  }
  lines_ += CountBits(crlf);
  if (end) {
    Emit(in.substr(input->from, at + stop - input->from));
    input->at = at + stop + 3;
    return true;
  }
  input->at = at + size;
  input->before = in[input->at - 1];
  input->line_start = (crlf >> (size - 1) & 1) != 0;
  return false;
}

// Returns whether one more block, and the slice behind it, can be taken.
bool BodyScanner::HasRoom() const {
  return count_ + kSlicesOfBlock + 1 <= room_.slices.size() &&
         copied_ + kCopyOfBlock + 1 <= room_.copied.size();
}

bool BodyScanner::BehindCrlf(absl::string_view in, size_t at) const {
  if (at == 0) return line_start_;
  if (in[at - 1] != '\n') return false;
  return at == 1 ? cr_open_ : in[at - 2] == '\r';
}

// Returns how many octets at the end of `in` need to be seen with what is
// behind them: a CR, a '.' that begins a line, or both.
size_t BodyScanner::Undecided(absl::string_view in) const {
  if (framing_ == Framing::kCounted) return 0;
  const size_t cr = in.back() == '\r' ? 1 : 0;
  if (in.size() == cr) return cr;
  const size_t last = in.size() - cr - 1;
  return cr + (in[last] == '.' && BehindCrlf(in, last) ? 1 : 0);
}

void BodyScanner::Emit(absl::string_view slice) {
  if (slice.empty() || defect_) return;
  size_ += slice.size();
  room_.slices[count_++] = slice;
}

// Emits `in`, a block or less of it, with what is missing and without its
// dots. No branch depends on the content: a sender who mixes newlines and text
// would have each one predicted wrong.
void BodyScanner::EmitCopy(absl::string_view in, uint64_t bare, uint64_t lf,
                           uint64_t dots) {
  char* const begin = room_.copied.data() + copied_;
  char* to = begin;
  for (char c : in) {
    *to = (lf & 1) != 0 ? '\r' : '\n';
    to += bare & 1;
    *to = c;
    to += ~dots & 1;
    bare >>= 1;
    lf >>= 1;
    dots >>= 1;
  }
  const auto size = static_cast<size_t>(to - begin);
  copied_ += size;
  if (count_ > 0) {
    absl::string_view& last = room_.slices[count_ - 1];
    if (last.data() + last.size() == begin) {
      last = absl::string_view(last.data(), last.size() + size);
      size_ += size;
      return;
    }
  }
  Emit(absl::string_view(begin, size));
}

}  // namespace postern
