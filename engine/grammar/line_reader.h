// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Cuts the client's bytes into command lines, RFC 5321 2.3.8.

#ifndef POSTERN_ENGINE_GRAMMAR_LINE_READER_H_
#define POSTERN_ENGINE_GRAMMAR_LINE_READER_H_

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "engine/grammar/strictness.h"

namespace postern {

// LineReader finds lines in the caller's own buffer. Under kStrict only CRLF
// ends a line. A bare CR is part of the line, and the command parser refuses
// it.
//
// A bare LF is reported as soon as it is seen, since a client that ends its
// lines in LF sends nothing more before it has a reply. Such a line must not be
// served, and nothing after it can be: what follows the LF is the next command
// for a host that ends lines at LF, and the rest of this command for a host
// that ends them at CRLF alone. If such a host is in front of the server, its
// client chooses what follows the LF. A server that served that text would run
// a command that the host in front never saw; a server that skipped it would
// send one reply where the other kind of host expects two, and each later reply
// would be taken for the reply to another command. The one way to agree with
// both is to reply once, and to read nothing more (RFC 5321 2.3.8).
//
// Under kLenient LF ends a line, with or without a CR before it.
//
// It looks at each byte once, however the input was cut: what is known of an
// unfinished line is kept as a count.
class LineReader {
 public:
  struct Result {
    enum class Kind : uint8_t {
      kPartial,   // no whole line yet
      kLine,      // `line` is one, without its CRLF (or LF)
      kOverlong,  // the end of a line of more than `max_line` octets
      kBareLf,    // a bare LF, and `line` before it: reply, and read no more
    };
    Kind kind = Kind::kPartial;
    size_t consumed = 0;          // drop these; may be > 0 for kPartial, too
    absl::string_view line = {};  // empty for an overlong line
  };

  // Looks for the next line in `in`, whose first byte is the first one not
  // consumed yet. `max_line` counts the CRLF or LF. What kPartial leaves
  // unconsumed is shorter than `max_line`: the rest of an overlong line is
  // consumed as it comes.
  Result Next(absl::string_view in, size_t max_line,
              Strictness strictness = Strictness::kStrict);

  // Returns true if no part of a line has been seen behind the last whole one.
  bool between_lines() const { return scanned_ == 0 && !discarding_; }

  // Returns true inside an overlong line.
  bool discarding() const { return discarding_; }

  // Octets looked at so far, each as often as it was: the price of the search.
  uint64_t examined() const { return examined_; }

 private:
  size_t scanned_ = 0;       // front bytes of `in` known to hold no LF
  bool discarding_ = false;  // inside an overlong line
  uint64_t examined_ = 0;
};

}  // namespace postern

#endif  // POSTERN_ENGINE_GRAMMAR_LINE_READER_H_
