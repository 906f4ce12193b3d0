// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Parses a server's replies, RFC 5321 4.2, as FormatReply() prints them.

#ifndef POSTERN_ENGINE_GRAMMAR_REPLY_READER_H_
#define POSTERN_ENGINE_GRAMMAR_REPLY_READER_H_

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "engine/grammar/line_reader.h"
#include "engine/grammar/reply.h"

namespace postern {

// ReplyReader reads replies in the caller's buffer, line by line. It examines
// each byte a bounded number of times, however the input is split, and stores
// at most `max_reply` octets of text.
//
// A reply consists of lines of "250-text" and a last line of "250 text" or
// "250", all with the same code from 200 to 599. Only CRLF ends a line: a
// client that also accepts a bare LF can be made to see two replies where the
// server has sent one. So a bare LF is malformed, as soon as it arrives.
//
// The lines of text are joined with '\n'. Bytes other than printable ASCII and
// HT become '?', so that later code need not sanitize them. An enhanced code
// (RFC 2034 4) is removed from the lines if every line begins with it, it is
// well formed, a space follows it, and its class is the code's first digit;
// otherwise it is text. So a parsed reply prints as it was received.
class ReplyReader {
 public:
  // What Read() has found.
  struct Result {
    // How far the reply has been read.
    enum class Kind : uint8_t {
      kPartial,    // no complete reply yet
      kReply,      // reply() has the reply
      kMalformed,  // the input is not a reply: give up
      kTooLarge,   // a line or a reply exceeds its limit: give up
    };
    Kind kind = Kind::kPartial;  // how far the reply has been read
    size_t consumed = 0;  // drop these bytes; may be > 0 for kPartial, too
  };

  // `max_line` and `max_reply` are in octets with the CRLFs.
  ReplyReader(size_t max_line, size_t max_reply)
      : max_line_(max_line), max_reply_(max_reply) {}

  // Continues in `in`, whose first byte is the first one not yet consumed.
  // After kPartial, the unconsumed input is shorter than `max_line`. After
  // kMalformed and kTooLarge nothing more can be read.
  Result Next(absl::string_view in);

  // The reply, valid until the next call of Next().
  const Reply& reply() const { return reply_; }

 private:
  // Returns kPartial if more lines follow this one.
  Result::Kind TakeLine(absl::string_view line);

  const size_t max_line_;
  const size_t max_reply_;
  LineReader lines_;
  Reply reply_;
  size_t size_ = 0;      // octets of the reply's lines so far
  bool within_ = false;  // after a line that is not the last
};

}  // namespace postern

#endif  // POSTERN_ENGINE_GRAMMAR_REPLY_READER_H_
