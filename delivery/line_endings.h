// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Converts line ends from CRLF, as in SMTP, to LF, as in files.

#ifndef POSTERN_DELIVERY_LINE_ENDINGS_H_
#define POSTERN_DELIVERY_LINE_ENDINGS_H_

#include <cstddef>
#include <memory>

#include "absl/strings/string_view.h"

namespace postern::delivery {

// A buffer of fixed size that converts CRLF to LF when text is added. A CRLF
// may arrive in two pieces. A bare CR or LF is not changed.
//
//   LineEndings out(64 << 10);
//   for (absl::string_view slice : slices) {
//     while (!out.Take(&slice)) {
//       write(fd, out.pending());
//       out.Clear();
//     }
//   }
//   out.Finish();
//   write(fd, out.pending());
class LineEndings {
 public:
  // Holds up to `capacity` bytes, at least 2.
  explicit LineEndings(size_t capacity);

  // Moves what fits from the front of *text into the buffer. Returns true if
  // that was all of it. False means that the buffer is full: write pending(),
  // call Clear() and call again.
  bool Take(absl::string_view* text);
  // The same without conversion, for text that has LF line ends already. Must
  // not follow a piece that ended in a CR.
  bool TakeAsIs(absl::string_view* text);
  // Ends the text. Adds a CR that was held back to pending(). Adds an LF if the
  // last line has none: a message sent with BDAT may end so (RFC 3030), and
  // qmail-remote bounces a message without it.
  void Finish();
  // Empties the buffer after pending() was written.
  void Clear() { size_ = 0; }

  // The text to write. The view is valid until the next call of a non-const
  // method.
  absl::string_view pending() const { return {data_.get(), size_}; }

 private:
  void Put(const char* from, size_t size);

  const size_t capacity_;
  const std::unique_ptr<char[]> data_;  // two bytes more, for Finish()
  size_t size_ = 0;
  bool held_ = false;  // the last octet was a CR, which is held back
  char last_ = '\n';   // the last octet put into the buffer
};

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_LINE_ENDINGS_H_
