// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Finds the end of a message behind DATA and takes the dots off: RFC 5321
// 4.1.1.4 and 4.5.2. Looks for bare newlines, there and behind BDAT.

#ifndef POSTERN_ENGINE_CONTENT_BODY_SCANNER_H_
#define POSTERN_ENGINE_CONTENT_BODY_SCANNER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/content/content_block.h"
#include "engine/content/scan_path.h"

namespace postern {

// What becomes of a CR or LF that is not half of a CRLF (RFC 5321 2.3.8). No
// choice lets one take part in the end of the data: a server that ends on
// LF.LF, LF.CRLF, CRLF.LF or their like lets a message carry a second one past
// whoever relayed it ("SMTP smuggling").
enum class BareNewlines : uint8_t {
  kReject,     // the message has a defect; the true end is still found
  kNormalize,  // each becomes a CRLF of the content
};

// How the end of the content is known.
enum class Framing : uint8_t {
  kDotted,   // by CRLF.CRLF; lines are dot-stuffed: DATA
  kCounted,  // by its length, which the caller counts: BDAT, RFC 3030 2
};

// BodyScanner is a function of the byte stream alone: how the input was cut
// does not change what it finds, nor does the ScanPath.
//
//   state     CR      LF    '.'    other
//   line      CR      bare  DOT    text     at the start, and behind CRLF
//   text      CR      bare  text   text
//   CR        bare    line  bare   bare     a CR is held back until decided
//   DOT       DOTCR   bare  text   text     the first '.' is dropped
//   DOTCR     bare    END   bare   bare
//
// "line" and "text" are the only states kept between calls. CR, DOT and DOTCR
// are decided with up to three bytes in view, or those bytes stay unconsumed.
// Under Framing::kCounted a '.' is as any other, and a CR is content at once:
// "CR" is a state that is kept, so that nothing stays unconsumed.
//
// Nothing is copied but blocks of 64 octets with more than two bare newlines
// or stuffed dots: many short slices would cost their reader more.
//
// A copy knows what the original does, and has slices of its own.
class BodyScanner {
 public:
  // A bare CR or LF, and the line of the message, from 1, that holds it.
  struct Defect {
    char newline = '\n';
    uint64_t line = 0;
  };

  struct Result {
    size_t consumed = 0;
    bool end = false;  // the CRLF.CRLF was the last thing consumed
    // The content, in order, up to the first defect. Slices of `in`, of
    // constants, or of the scanner; all of it lives until the next call, and
    // no longer than `in`.
    absl::Span<const absl::string_view> slices = {};
  };

  // `path` must be one that can run here.
  explicit BodyScanner(BareNewlines mode = BareNewlines::kReject,
                       Framing framing = Framing::kDotted,
                       ScanPath path = ChosenScanPath())
      : mode_(mode), framing_(framing), find_(OddBlockFinder(path)) {}

  // Scans `in`, whose first byte is the first one not consumed yet. Looks at
  // every byte a bounded number of times. Stops early when its room for slices
  // is used up. Otherwise consumes all of `in`, but under Framing::kDotted for
  // a CR, a '.' or both at its end that cannot be decided yet.
  Result Scan(absl::string_view in);

  // Says that the content is complete: a CR at its very end was bare. For
  // Framing::kCounted; the other one tells its end itself.
  Result Finish();

  // Octets of content so far, CRLF counted as two: RFC 1870 3.
  uint64_t size() const { return size_; }
  // The first bare newline, under BareNewlines::kReject.
  const std::optional<Defect>& defect() const { return defect_; }
  // Octets looked at so far, each as often as it was: the price of the scan.
  uint64_t examined() const { return examined_; }

 private:
  // What Results point at. Not copied: a copy has none yet.
  struct Room {
    Room() {}
    Room(const Room&) : Room() {}
    Room& operator=(const Room&) { return *this; }

    std::array<absl::string_view, 48> slices;
    std::unique_ptr<char[]> copied;  // kCopied octets, from the first copy on
  };
  static constexpr size_t kCopied = 1024;

  class Pass;  // one call of Scan()

  absl::Span<const absl::string_view> Slices() const {
    return absl::MakeConstSpan(room_.slices.data(), count_);
  }
  bool HasRoom() const;
  bool BehindCrlf(absl::string_view in, size_t at) const;
  size_t Undecided(absl::string_view in) const;
  void Emit(absl::string_view slice);
  void EmitCopy(absl::string_view in, uint64_t lf, uint64_t bare,
                uint64_t dots);

  BareNewlines mode_;
  Framing framing_;
  FindOddBlock* find_;
  bool line_start_ = true;  // as if behind a CRLF: an empty message is legal
  bool cr_open_ = false;    // kCounted: a CR was the last octet
  uint64_t lines_ = 0;      // LFs so far, up to a defect
  uint64_t size_ = 0;
  uint64_t examined_ = 0;
  std::optional<Defect> defect_;
  size_t count_ = 0;   // slices in room_
  size_t copied_ = 0;  // octets in room_
  Room room_;
};

}  // namespace postern

#endif  // POSTERN_ENGINE_CONTENT_BODY_SCANNER_H_
