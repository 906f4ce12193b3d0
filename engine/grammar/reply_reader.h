// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Takes a server's replies apart, RFC 5321 4.2: what FormatReply() prints.

#ifndef POSTERN_ENGINE_GRAMMAR_REPLY_READER_H_
#define POSTERN_ENGINE_GRAMMAR_REPLY_READER_H_

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "engine/grammar/line_reader.h"
#include "engine/grammar/reply.h"

namespace postern {

// ReplyReader reads replies in the caller's own buffer, line by line. It looks
// at each byte a bounded number of times, however the input was cut, and holds
// `max_reply` octets of text at most.
//
// A reply is lines of "250-text" and at last "250 text" or "250", with one code
// from 200 to 599 on each. Only CRLF ends a line: a client that also takes a
// bare LF can be made to see two replies where the server has sent one. So a
// bare LF is malformed, as soon as it comes.
//
// The text of the lines is joined by '\n'; bytes other than printable ASCII
// and HT are '?' in it, so that nobody behind has to fear them. An enhanced
// code (RFC 2034 4) is taken off the lines if each begins with it, it is well
// formed, a space follows, and its class is the code's first digit; otherwise
// it is text. So a reply that was read prints as it came.
class ReplyReader {
 public:
  struct Result {
    enum class Kind : uint8_t {
      kPartial,    // no whole reply yet
      kReply,      // reply() is one
      kMalformed,  // what comes is no reply: give up
      kTooLarge,   // a line or a reply is beyond its limit: give up
    };
    Kind kind = Kind::kPartial;
    size_t consumed = 0;  // drop these; may be > 0 for kPartial, too
  };

  // `max_line` and `max_reply` are octets with the CRLFs.
  ReplyReader(size_t max_line, size_t max_reply)
      : max_line_(max_line), max_reply_(max_reply) {}

  // Reads on in `in`, whose first byte is the first one not consumed yet. What
  // kPartial leaves unconsumed is shorter than `max_line`. Behind kMalformed
  // and kTooLarge nothing more can be read.
  Result Next(absl::string_view in);

  // The reply, until the next call of Next().
  const Reply& reply() const { return reply_; }

 private:
  // Returns kPartial if more lines follow this one.
  Result::Kind TakeLine(absl::string_view line);

  const size_t max_line_;
  const size_t max_reply_;
  LineReader lines_;
  Reply reply_;
  size_t size_ = 0;      // octets of the lines so far
  bool within_ = false;  // behind a line that is not the last
};

}  // namespace postern

#endif  // POSTERN_ENGINE_GRAMMAR_REPLY_READER_H_
