// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/content/body_scanner.h"

#include <algorithm>
#include <cstring>

#include "absl/base/attributes.h"
#include "engine/grammar/octets.h"

namespace postern {
namespace {

constexpr size_t kBlock = ContentBlock::kSize;

// A block with more bare newlines and stuffed dots than this is copied, which
// takes the same time whatever it contains.
constexpr size_t kMaxSliced = 2;
// Each of them ends a slice and may add one. After a copy there may be up to
// two more, and a last slice follows them all.
constexpr size_t kSlicesOfBlock = 2 * kMaxSliced + 2;
// Another octet may be inserted before each octet.
constexpr size_t kCopyOfBlock = 2 * kBlock;

size_t Lowest(uint64_t bits) {
  return static_cast<size_t>(__builtin_ctzll(bits));
}

}  // namespace

// One call of Scan(). All of it is inlined into Scan(), so that its state stays
// in registers.
class BodyScanner::Pass {
 public:
  Pass(BodyScanner* scanner, absl::string_view in)
      : scanner_(*scanner),
        in_(in),
        dotted_(scanner->framing_ == Framing::kDotted),
        decided_(in.size() - scanner->Undecided(in)),
        before_(scanner->cr_open_      ? '\r'
                : scanner->line_start_ ? '\n'
                                       : '\0'),
        line_start_(scanner->line_start_) {}

  ABSL_ATTRIBUTE_ALWAYS_INLINE Result Run() {
    while (at_ < in_.size()) {
      if (!scanner_.HasRoom()) {
        // A CR there is followed by an octet that has not been examined.
        const bool open = dotted_ && before_ == '\r';
        decided_ = std::min(decided_, at_ - (open ? 1 : 0));
        break;
      }
      ContentBlock block;
      if (Skip(&block)) continue;
      if (const size_t end = Take(block); end != kNone) {
        if (!scanner_.defect_) scanner_.Emit(in_.substr(from_, end - from_));
        return {end + 3, true, scanner_.Slices()};
      }
    }
    if (!scanner_.defect_) scanner_.Emit(in_.substr(from_, decided_ - from_));
    return {decided_, false, scanner_.Slices()};
  }

 private:
  static constexpr size_t kNone = absl::string_view::npos;

  // Skips plain blocks, or a plain partial block at the end of the input.
  // Returns true if no odd block is known to follow.
  ABSL_ATTRIBUTE_ALWAYS_INLINE bool Skip(ContentBlock* block) {
    const size_t left = in_.size() - at_;
    // If no dot is special, '\n' is used: an LF after an LF is odd anyway.
    const char dot = dotted_ ? '.' : '\n';
    size_t blocks = left / kBlock;
    if (blocks > 0) {
      scanner_.find_(in_.data() + at_, blocks, before_, dot, block);
      if (block->plain == 0) {
        scanner_.examined_ += kBlock;
        return false;
      }
    } else {
      blocks = 1;
      char padded[kBlock] = {};
      std::memcpy(padded, in_.data() + at_, left);
      scanner_.find_(padded, blocks, before_, dot, block);
    }
    const bool odd = block->plain < blocks;
    const size_t plain = std::min(block->plain * kBlock, left);
    scanner_.examined_ += plain + (odd ? std::min(kBlock, left - plain) : 0);
    if (plain > 0) {
      scanner_.lines_ += block->lines;
      at_ += plain;
      before_ = in_[at_ - 1];
      line_start_ = before_ == '\n';
    }
    return !odd;
  }

  // Takes a block, or the rest of the input. Returns the position of the end of
  // the data, or kNone.
  ABSL_ATTRIBUTE_ALWAYS_INLINE size_t Take(const ContentBlock& block) {
    const size_t size = std::min(kBlock, in_.size() - at_);
    const uint64_t after_cr = block.cr << 1 | (before_ == '\r' ? 1 : 0);
    const uint64_t crlf = block.lf & after_cr;  // at the LF of each
    // The bit of a bare LF is its own. That of a bare CR is the next octet's.
    uint64_t bare = block.lf ^ after_cr;
    uint64_t dots = 0;  // dots that begin a line
    if (dotted_) dots = block.dot & (crlf << 1 | (line_start_ ? 1 : 0));
    if (decided_ < at_ + kBlock) {
      bare &= LowBits(size);
      dots &= decided_ > at_ ? LowBits(decided_ - at_) : 0;
    }
    size_t end = kNone;
    if (dots != 0) {
      // After the block's last octet, any octet may follow.
      const uint64_t before_cr = block.cr >> 1 | uint64_t{1} << (kBlock - 1);
      for (uint64_t left = dots & before_cr; left != 0; left &= left - 1) {
        const size_t dot = Lowest(left);
        scanner_.examined_ += 3;
        if (in_.substr(at_ + dot, 3) != ".\r\n") continue;
        end = at_ + dot;
        bare &= LowBits(dot);
        dots &= LowBits(dot);
        break;
      }
    }
    if (!scanner_.defect_) {
      if (scanner_.mode_ == BareNewlines::kReject && bare != 0) {
        TakeDefect(block, crlf, Lowest(bare), dots);
      } else if ((bare | dots) != 0) {
        TakeContent(std::min({at_ + size, decided_, end}), block.lf, bare,
                    dots);
      }
      // LFs end lines if there is no defect. After a defect the count is not
      // used.
      scanner_.lines_ += block.lfs;
    }
    at_ += size;
    before_ = in_[at_ - 1];
    line_start_ = (crlf >> (size - 1) & 1) != 0;
    return end;
  }

  // Takes the content before the bare newline whose bit is `first` in a block.
  ABSL_ATTRIBUTE_ALWAYS_INLINE void TakeDefect(const ContentBlock& block,
                                               uint64_t crlf, size_t first,
                                               uint64_t dots) {
    const bool lf = (block.lf >> first & 1) != 0;
    // A CR that was held back is not content.
    const size_t end = at_ + first - (!lf && dotted_ ? 1 : 0);
    TakeContent(end, block.lf, 0, dots & LowBits(first));
    scanner_.Emit(in_.substr(from_, end - from_));
    const uint64_t line =
        scanner_.lines_ + CountBits(crlf & LowBits(first)) + 1;
    scanner_.defect_.emplace(Defect{lf ? '\n' : '\r', line});
  }

  // Emits the slices that end in a block, at most up to `end`. Adds a CR or LF
  // before the octets of `bare`, and drops the octets of `dots`.
  ABSL_ATTRIBUTE_ALWAYS_INLINE void TakeContent(size_t end, uint64_t lf,
                                                uint64_t bare, uint64_t dots) {
    uint64_t left = bare | dots;
    uint64_t many = left;
    for (size_t i = 0; i < kMaxSliced; ++i) many &= many - 1;
    if (many != 0) {
      // A CR at the end is left to the next slice, because it may be held back.
      if (end > at_ && in_[end - 1] == '\r') --end;
      scanner_.Emit(in_.substr(from_, at_ - from_));
      scanner_.EmitCopy(in_.substr(at_, end - at_), lf, bare, dots);
      from_ = end;
      left &= ~LowBits(end - at_);
    }
    for (; left != 0; left &= left - 1) {
      const size_t i = Lowest(left);
      scanner_.Emit(in_.substr(from_, at_ + i - from_));
      from_ = at_ + i + (dots >> i & 1);
      if ((bare >> i & 1) != 0) {
        scanner_.Emit((lf >> i & 1) != 0 ? "\r" : "\n");
      }
    }
  }

  BodyScanner& scanner_;
  const absl::string_view in_;
  const bool dotted_;
  size_t decided_;   // octets at the front that this call can decide
  size_t at_ = 0;    // the start of the current block
  size_t from_ = 0;  // the start of the current slice
  char before_;      // the octet before the block, as far as it matters
  bool line_start_;  // the block follows a CRLF
};

BodyScanner::Result BodyScanner::Scan(absl::string_view in) {
  count_ = copied_ = 0;
  if (in.empty()) return {};
  const bool counted = framing_ == Framing::kCounted;
  if (counted && defect_) return {in.size()};
  const Result result = Pass(this, in).Run();
  if (result.consumed > 0) {
    line_start_ = AfterCrlf(in, result.consumed);
    cr_open_ = counted && in[result.consumed - 1] == '\r';
  }
  return result;
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
  return {0, false, Slices()};
}

// Returns whether there is room for one more block and the slice after it.
bool BodyScanner::HasRoom() const {
  return count_ + kSlicesOfBlock <= room_.slices.size() &&
         copied_ + kCopyOfBlock <= kCopied;
}

// Returns whether a line begins at `at`. An LF at the start of `in` is bare,
// except under Framing::kCounted, where dots have no meaning.
bool BodyScanner::AfterCrlf(absl::string_view in, size_t at) const {
  if (at == 0) return line_start_;
  return at >= 2 && in[at - 1] == '\n' && in[at - 2] == '\r';
}

// Returns how many octets at the end of `in` cannot be decided without the
// octets after them: a CR, a '.' that begins a line, or both.
size_t BodyScanner::Undecided(absl::string_view in) const {
  if (framing_ == Framing::kCounted) return 0;
  const size_t cr = in.back() == '\r' ? 1 : 0;
  if (in.size() == cr) return cr;
  const size_t last = in.size() - cr - 1;
  return cr + (in[last] == '.' && AfterCrlf(in, last) ? 1 : 0);
}

void BodyScanner::Emit(absl::string_view slice) {
  if (slice.empty()) return;
  size_ += slice.size();
  room_.slices[count_++] = slice;
}

// Emits a copy of `in`, at most a block, with a CR or LF before the octets of
// `bare` and without those of `dots`. No branch depends on their positions,
// because a sender could cause mispredictions. The position of every octet is
// computed, eight at a time; a dot's position is also that of the octet after
// it.
void BodyScanner::EmitCopy(absl::string_view in, uint64_t lf, uint64_t bare,
                           uint64_t dots) {
  bare &= LowBits(in.size());
  dots &= LowBits(in.size());
  char octets[kBlock] = {};
  std::memcpy(octets, in.data(), in.size());
  if (room_.copied == nullptr) {
    room_.copied = std::make_unique_for_overwrite<char[]>(kCopied);
  }
  char* const begin = room_.copied.get() + copied_;
  // First fill the copy with the newline octet that is missing more often.
  const uint64_t no_cr = bare & lf;
  const uint64_t no_lf = bare & ~lf;
  const bool more_lf = CountBits(no_lf) > CountBits(no_cr);
  std::memset(begin, more_lf ? '\n' : '\r', 2 * kBlock);
  uint8_t places[kBlock];
  size_t size = 0;
  for (size_t i = 0; i < in.size(); i += 8) {
    const uint64_t inserted = SpreadBits(bare >> i & 0xff) * kEachOctet;
    const uint64_t dropped = SpreadBits(dots >> i & 0xff) * kEachOctet;
    const uint64_t place =
        size * kEachOctet + 0x0706050403020100 + inserted - (dropped << 8);
    begin[place & 0xff] = octets[i];
    begin[place >> 8 & 0xff] = octets[i + 1];
    begin[place >> 16 & 0xff] = octets[i + 2];
    begin[place >> 24 & 0xff] = octets[i + 3];
    begin[place >> 32 & 0xff] = octets[i + 4];
    begin[place >> 40 & 0xff] = octets[i + 5];
    begin[place >> 48 & 0xff] = octets[i + 6];
    begin[place >> 56] = octets[i + 7];
    StoreWord(place, places + i);
    size += 8 + (inserted >> 56) - (dropped >> 56);
  }
  size -= -in.size() % 8;  // the last word may have had too many
  // Set the others, and those that a dropped dot has overwritten.
  for (uint64_t left = (more_lf ? no_cr : no_lf) | (bare & dots << 1);
       left != 0; left &= left - 1) {
    const size_t i = Lowest(left);
    begin[places[i] - 1] = (lf >> i & 1) != 0 ? '\r' : '\n';
  }
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
