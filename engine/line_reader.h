// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Cuts the client's bytes into command lines, RFC 5321 2.3.8.

#ifndef POSTERN_ENGINE_LINE_READER_H_
#define POSTERN_ENGINE_LINE_READER_H_

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace postern {

// LineReader finds lines in the caller's own buffer. Only CRLF ends a line; a
// bare CR or LF is part of it, for the command parser to refuse: a reader that
// ends lines on either lets two servers disagree about where a command begins.
//
// It looks at each byte once, however the input was cut: what is known of an
// unfinished line is kept as a count.
class LineReader {
 public:
  struct Result {
    enum class Kind : uint8_t {
      kPartial,   // no whole line yet
      kLine,      // `line` is one, without its CRLF
      kOverlong,  // the end of a line of more than `max_line` octets
    };
    Kind kind = Kind::kPartial;
    size_t consumed = 0;  // drop these; may be > 0 for kPartial, too
    absl::string_view line = {};
  };

  // Looks for the next line in `in`, whose first byte is the first one not
  // consumed yet. `max_line` counts the CRLF. What kPartial leaves unconsumed
  // is shorter than `max_line`: the rest of an overlong line is consumed as it
  // comes.
  Result Next(absl::string_view in, size_t max_line);

  // Returns true if no part of a line has been seen behind the last whole one.
  bool between_lines() const { return scanned_ == 0 && !discarding_; }

  // Returns true inside an overlong line.
  bool discarding() const { return discarding_; }

  // Octets looked at so far, each as often as it was: the price of the search.
  uint64_t examined() const { return examined_; }

 private:
  size_t scanned_ = 0;       // front bytes of `in` known to hold no CRLF
  bool discarding_ = false;  // inside an overlong line
  uint64_t examined_ = 0;
};

}  // namespace postern

#endif  // POSTERN_ENGINE_LINE_READER_H_
