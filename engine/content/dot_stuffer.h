// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Adds dot-stuffing and the end of the data to a message for DATA: RFC 5321
// 4.1.1.4 and 4.5.2. The inverse of BodyScanner.

#ifndef POSTERN_ENGINE_CONTENT_DOT_STUFFER_H_
#define POSTERN_ENGINE_CONTENT_DOT_STUFFER_H_

#include <cstddef>

#include "absl/strings/string_view.h"
#include "engine/content/content_block.h"
#include "engine/content/scan_path.h"

namespace postern {

// DotStuffer splits content into pieces to write, and copies nothing: a dot at
// the start of a line ends one piece and begins the next, so it is written
// twice.
//
//   Lend("a\r\n.b\r\n"); End();   Piece(): "a\r\n."  ".b\r\n"  ".\r\n"
//
// Lines end in CRLF. Content with a bare CR or LF is refused: a server that is
// lenient about line ends could find the end of the message, and commands, in
// it ("SMTP smuggling"). It is not repaired either, because that would break
// signatures. No piece ever contains a bare CR or LF.
//
// The output depends only on the content, not on how it is split into calls.
class DotStuffer {
 public:
  // `path` must be able to run on this machine.
  explicit DotStuffer(ScanPath path = ChosenScanPath())
      : find_(BlockSearch(path)) {}

  // Takes the next bytes of content. Piece() must be empty. The bytes must stay
  // valid until it is empty again. Returns false, and takes none, if they
  // contain a bare CR or LF, or if the bytes before them ended in a bare CR.
  bool Lend(absl::string_view bytes);

  // Ends the content: a CRLF, unless the content is empty or ends in one, and
  // the end of the data follow. Returns false, and does not end it, if the
  // content ends in a bare CR. Call it once; no Lend() may follow.
  bool End();

  // Returns the next bytes to write. Empty: lend more, unless all is written.
  absl::string_view Piece() const { return piece_; }
  // Reports that the first `n` bytes of Piece() are written, n <= its size.
  void Written(size_t n);

 private:
  // Returns how many octets at the beginning of `bytes` are in plain blocks
  // (ContentBlock), after the octet `before`.
  size_t Plain(absl::string_view bytes, char before) const;
  // Returns true if each CR and LF of `bytes` is part of a CRLF. An LF at the
  // start is, if the last octet was a CR, and a CR at the end may be.
  bool IsClean(absl::string_view bytes) const;
  void Cut();

  SearchBlocks* find_;
  absl::string_view piece_;
  absl::string_view rest_;  // lent bytes after piece_
  bool line_start_ = true;  // whether rest_ begins a line
  bool dot_sent_ = false;   // rest_ begins with a dot that has been sent once
  bool held_cr_ = false;    // the last lent byte; sent with its LF
  bool end_due_ = false;    // the end of the data follows rest_
};

}  // namespace postern

#endif  // POSTERN_ENGINE_CONTENT_DOT_STUFFER_H_
