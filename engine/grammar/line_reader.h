// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Splits the client's bytes into command lines, RFC 5321 2.3.8.

#ifndef POSTERN_ENGINE_GRAMMAR_LINE_READER_H_
#define POSTERN_ENGINE_GRAMMAR_LINE_READER_H_

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "engine/grammar/strictness.h"

namespace postern {

// LineReader finds lines in the caller's buffer. Under kStrict only CRLF ends a
// line. A bare CR is part of the line, and the command parser refuses it.
//
// A bare LF is reported as soon as it is seen, because a client that ends its
// lines in LF sends nothing more before it gets a reply. Such a line must not
// be served, and nothing after it can be served. A host that ends lines at LF
// treats what follows the LF as the next command; a host that ends lines only
// at CRLF treats it as the rest of this command. If such a host is in front of
// this server, its client chooses what follows the LF. A server that served
// that text would run a command that the host in front never saw. A server that
// skipped it would send one reply where the other kind of host expects two, and
// each later reply would be taken for the reply to another command. The only
// safe way is to reply once, and to read nothing more (RFC 5321 2.3.8).
//
// Under kLenient, LF ends a line, with or without a CR before it.
//
// Each byte is examined once, however the input is split: the reader counts the
// bytes of an unfinished line that it has already searched.
class LineReader {
 public:
  // What Read() has found.
  struct Result {
    // How the line ends.
    enum class Kind : uint8_t {
      kPartial,   // no complete line yet
      kLine,      // `line` is a line, without its CRLF (or LF)
      kOverlong,  // the end of a line of more than `max_line` octets
      kBareLf,    // `line` ended in a bare LF: reply, and read no more
    };
    Kind kind = Kind::kPartial;  // how the line ends
    size_t consumed = 0;  // drop these bytes; may be > 0 for kPartial, too
    absl::string_view line = {};  // empty for an overlong line
  };

  // Finds the next line in `in`, whose first byte is the first one not yet
  // consumed. `max_line` includes the CRLF or LF. After kPartial, the
  // unconsumed input is shorter than `max_line`: an overlong line is consumed
  // as it arrives.
  Result Next(absl::string_view in, size_t max_line,
              Strictness strictness = Strictness::kStrict);

  // Returns true if nothing has been seen after the last complete line.
  bool between_lines() const { return scanned_ == 0 && !discarding_; }

  // Returns true inside an overlong line.
  bool discarding() const { return discarding_; }

  // Counts examined octets, repeated ones included: the cost of the search.
  uint64_t examined() const { return examined_; }

 private:
  size_t scanned_ = 0;       // octets at the start of `in` that contain no LF
  bool discarding_ = false;  // inside an overlong line
  uint64_t examined_ = 0;
};

}  // namespace postern

#endif  // POSTERN_ENGINE_GRAMMAR_LINE_READER_H_
