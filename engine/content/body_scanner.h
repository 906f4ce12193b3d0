// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Finds the end of a message after DATA and removes dot-stuffing: RFC 5321
// 4.1.1.4 and 4.5.2. Finds bare newlines after DATA and after BDAT.

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

// What happens to a CR or LF that is not part of a CRLF (RFC 5321 2.3.8). In no
// mode can one take part in the end of the data: a server that ends on LF.LF,
// LF.CRLF, CRLF.LF or similar lets a message carry a second message past the
// server that relayed it ("SMTP smuggling").
enum class BareNewlines : uint8_t {
  kReject,     // the message has a defect; its true end is still found
  kNormalize,  // each becomes a CRLF in the content
};

// How the end of the content is found.
enum class Framing : uint8_t {
  kDotted,   // at CRLF.CRLF, lines are dot-stuffed: DATA
  kCounted,  // by its length, which the caller counts: BDAT, RFC 3030 2
};

// The results of BodyScanner depend only on the byte stream, not on how the
// input is split, and not on the ScanPath. Its states:
//
//   state     CR      LF    '.'    other
//   line      CR      bare  DOT    text     at the start, and after CRLF
//   text      CR      bare  text   text
//   CR        bare    line  bare   bare     the CR waits for the next octet
//   DOT       DOTCR   bare  text   text     the first '.' is dropped
//   DOTCR     bare    END   bare   bare
//
// Only "line" and "text" are kept between calls. CR, DOT and DOTCR are decided
// with up to three bytes in view; until then, those bytes stay unconsumed.
// Under Framing::kCounted a '.' is ordinary content, and a CR is content at
// once: there "CR" is a state that is kept, so that nothing stays unconsumed.
//
// Nothing is copied except blocks of 64 octets with more than two bare newlines
// or stuffed dots, because many short slices would cost their reader more.
//
// A copy of a BodyScanner has the same state, but no slices.
class BodyScanner {
 public:
  // A bare newline.
  struct Defect {
    char newline = '\n';  // '\r' or '\n'
    uint64_t line = 0;    // the number, from 1, of the line that contains it
  };

  // What Scan() has found.
  struct Result {
    // Octets of the input that are not needed any more.
    size_t consumed = 0;
    bool end = false;  // CRLF.CRLF was the last thing consumed
    // The content, in order, up to the first defect. The slices point into
    // `in`, into constants or into the scanner. They are valid until the next
    // call, and only as long as `in`.
    absl::Span<const absl::string_view> slices = {};
  };

  // `path` must be able to run on this machine.
  explicit BodyScanner(BareNewlines mode = BareNewlines::kReject,
                       Framing framing = Framing::kDotted,
                       ScanPath path = ChosenScanPath())
      : mode_(mode), framing_(framing), find_(BlockSearch(path)) {}

  // Scans `in`, whose first byte is the first one not yet consumed. Examines
  // every byte a bounded number of times. Stops early when it has no more room
  // for slices. Otherwise consumes all of `in`, except, under Framing::kDotted,
  // a CR, a '.' or both at its end that cannot be decided yet.
  Result Scan(absl::string_view in);

  // Call this at the end of the content under Framing::kCounted: a CR at the
  // very end was bare. Under Framing::kDotted, Scan() finds the end.
  Result Finish();

  // Octets of content so far, CRLF counted as two: RFC 1870 3.
  uint64_t size() const { return size_; }
  // The first bare newline, under BareNewlines::kReject.
  const std::optional<Defect>& defect() const { return defect_; }
  // Counts examined octets, repeated ones included: the cost of the scan.
  uint64_t examined() const { return examined_; }

 private:
  // The storage of Results. A copy starts empty.
  struct Room {
    Room() {}
    Room(const Room&) : Room() {}
    Room& operator=(const Room&) { return *this; }

    std::array<absl::string_view, 48> slices;
    std::unique_ptr<char[]> copied;  // kCopied octets; null: not used yet
  };
  static constexpr size_t kCopied = 1024;

  class Pass;  // one call of Scan()

  absl::Span<const absl::string_view> Slices() const {
    return absl::MakeConstSpan(room_.slices.data(), count_);
  }
  bool HasRoom() const;
  bool AfterCrlf(absl::string_view in, size_t at) const;
  size_t Undecided(absl::string_view in) const;
  void Emit(absl::string_view slice);
  void EmitCopy(absl::string_view in, uint64_t lf, uint64_t bare,
                uint64_t dots);

  BareNewlines mode_;
  Framing framing_;
  SearchBlocks* find_;
  bool line_start_ = true;  // as if after a CRLF: an empty message is legal
  bool cr_open_ = false;    // kCounted: a CR was the last octet
  uint64_t lines_ = 0;      // LFs so far, up to the first defect
  uint64_t size_ = 0;
  uint64_t examined_ = 0;
  std::optional<Defect> defect_;
  size_t count_ = 0;   // slices in room_
  size_t copied_ = 0;  // octets in room_
  Room room_;
};

}  // namespace postern

#endif  // POSTERN_ENGINE_CONTENT_BODY_SCANNER_H_
