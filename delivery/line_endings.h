// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// From the wire's line ends to the disk's: CRLF becomes LF.

#ifndef POSTERN_DELIVERY_LINE_ENDINGS_H_
#define POSTERN_DELIVERY_LINE_ENDINGS_H_

#include <cstddef>
#include <memory>

#include "absl/strings/string_view.h"

namespace postern::delivery {

// A buffer of fixed size that turns CRLF into LF as it takes text in. A CRLF
// may come in two pieces; a CR or an LF alone stays what it is.
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

  // Takes what fits from the front of *text. Returns true if that was all;
  // false means that the buffer is full: empty it and call again.
  bool Take(absl::string_view* text);
  // The same without the conversion, for text with line ends of the disk.
  // Must not follow a piece of message that ended in a CR.
  bool TakeAsIs(absl::string_view* text);
  // Ends the text. A CR at its very end was not part of a CRLF, and now counts
  // as pending; so does an LF, if the last line has none. A message in chunks
  // may end so (RFC 3030), and qmail-remote bounces what does.
  void Finish();
  // Forgets what is pending, because it has been written.
  void Clear() { size_ = 0; }

  // What is to be written. The view is good until the next call.
  absl::string_view pending() const { return {data_.get(), size_}; }

 private:
  void Put(const char* from, size_t size);

  const size_t capacity_;
  const std::unique_ptr<char[]> data_;  // two bytes more, for Finish()
  size_t size_ = 0;
  bool held_ = false;  // a CR came last, and what follows it decides
  char last_ = '\n';   // of what went out, but for what is held
};

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_LINE_ENDINGS_H_
