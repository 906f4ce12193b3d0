// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Finds the end of a message behind DATA and takes the dots off: RFC 5321
// 4.1.1.4 and 4.5.2.

#ifndef POSTERN_ENGINE_BODY_SCANNER_H_
#define POSTERN_ENGINE_BODY_SCANNER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace postern {

// What becomes of a CR or LF that is not half of a CRLF (RFC 5321 2.3.8). No
// choice lets one take part in the end of the data: a server that ends on
// LF.LF, LF.CRLF, CRLF.LF or their like lets a message carry a second one past
// whoever relayed it ("SMTP smuggling").
enum class BareNewlines : uint8_t {
  kReject,     // the message has a defect; the true end is still found
  kNormalize,  // each becomes a CRLF of the content
};

// BodyScanner is a function of the byte stream alone: how the input was cut
// does not change what it finds. It copies nothing and keeps no bytes.
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
    // The content, in order, up to the first defect. Slices of `in`, or of
    // constants; the list lives until the next Scan().
    absl::Span<const absl::string_view> slices = {};
  };

  explicit BodyScanner(BareNewlines mode = BareNewlines::kReject)
      : mode_(mode) {}

  // Scans `in`, whose first byte is the first one not consumed yet. Looks at
  // every byte a bounded number of times. Stops early when its list of slices
  // is full; makes progress unless fewer than three bytes are left.
  Result Scan(absl::string_view in);

  // Octets of content so far, CRLF counted as two: RFC 1870 3.
  uint64_t size() const { return size_; }
  // The first bare newline, under BareNewlines::kReject.
  const std::optional<Defect>& defect() const { return defect_; }

 private:
  void Emit(absl::string_view slice);
  void BareNewline(char newline);

  BareNewlines mode_;
  bool line_start_ = true;  // as if behind a CRLF: an empty message is legal
  uint64_t lines_ = 0;      // ended so far
  uint64_t size_ = 0;
  std::optional<Defect> defect_;
  size_t clear_ = 0;  // front bytes of the next `in` known to hold no LF
  size_t count_ = 0;
  std::array<absl::string_view, 64> slices_;
};

}  // namespace postern

#endif  // POSTERN_ENGINE_BODY_SCANNER_H_
