// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Puts the dots and the end on a message behind DATA: RFC 5321 4.1.1.4 and
// 4.5.2. What BodyScanner takes off.

#ifndef POSTERN_ENGINE_CONTENT_DOT_STUFFER_H_
#define POSTERN_ENGINE_CONTENT_DOT_STUFFER_H_

#include <cstddef>

#include "absl/strings/string_view.h"

namespace postern {

// DotStuffer cuts content into the pieces to write, and copies nothing: the
// dot at the start of a line ends one piece and begins the next, so it is
// written twice.
//
//   Lend("a\r\n.b\r\n"); End();   Piece(): "a\r\n."  ".b\r\n"  ".\r\n"
//
// Lines end in CRLF. Content with a CR or LF that is not half of one is not
// taken: a server that is lenient about line ends could see the end of the
// message, and commands, in it ("SMTP smuggling"). Nor is it mended, which
// would break its signatures. No such byte is ever in a piece.
//
// What is written is a function of the content alone, not of how it was lent.
class DotStuffer {
 public:
  // Takes the next bytes of content, once Piece() is empty. They are lent until
  // it is empty again. Returns false, and takes none, if there is a bare CR or
  // LF in them, or at the end of what was lent before.
  bool Lend(absl::string_view bytes);

  // Says that this was all: a CRLF, unless the content is empty or ends in
  // one, and the end of the data follow. Returns false, and ends nothing, if
  // the content ends in a bare CR. Once, and no Lend() after it.
  bool End();

  // Returns the next bytes to write. Empty: lend more, or all is written.
  absl::string_view Piece() const { return piece_; }
  // Says that the first `n` bytes of Piece() are written, n <= its size.
  void Written(size_t n);

 private:
  void Cut();

  absl::string_view piece_;
  absl::string_view rest_;  // lent, and behind piece_
  bool line_start_ = true;  // where rest_ begins
  bool dot_sent_ = false;   // rest_ begins with a dot that is sent once
  bool held_cr_ = false;    // the last byte lent; sent with its LF
  bool end_due_ = false;    // the end goes behind rest_
};

}  // namespace postern

#endif  // POSTERN_ENGINE_CONTENT_DOT_STUFFER_H_
