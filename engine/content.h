// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The incoming content of one message, and its defects.

#ifndef POSTERN_ENGINE_CONTENT_H_
#define POSTERN_ENGINE_CONTENT_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/content/body_scanner.h"
#include "engine/content/hop_counter.h"
#include "engine/grammar/reply.h"
#include "engine/server_config.h"

namespace postern {

// Content takes the octets after DATA, up to CRLF.CRLF (RFC 5321 4.1.1.4), or
// the chunks of BDAT (RFC 3030 2). It detects what must be refused: bare
// newlines, too many hops, too many octets. It copies nothing.
//
// If there are several reasons to refuse, the reply gives the first one in that
// list. So it does not depend on where in the message each was found.
class Content {
 public:
  enum class Form : uint8_t {
    kData,    // with dot-stuffing and an end
    kText,    // in chunks: dots are not special, lines end in CRLF
    kBinary,  // in chunks: any octets, BODY=BINARYMIME
  };

  Content(const ServerConfig& config, Form form, BareNewlines bare_newlines)
      : form_(form),
        max_size_(config.max_message_size),
        max_hops_(config.max_hops),
        scanner_(bare_newlines,
                 form == Form::kData ? Framing::kDotted : Framing::kCounted) {}

  // Takes octets of `in`: all of them, unless it finds the end or has collected
  // the maximum number of slices. In kData it may leave the last two bytes. See
  // BodyScanner::Result. The slices are valid until the next call.
  BodyScanner::Result Take(absl::string_view in);
  // Call this at the end of the last chunk.
  BodyScanner::Result Finish();

  // Octets so far, CRLF counted as two: RFC 1870 3.
  uint64_t size() const;
  // Bytes examined so far, as BodyScanner::examined().
  uint64_t examined() const { return octets_ + scanner_.examined(); }
  // Returns true if `octets` more do not exceed the maximum size.
  bool HasRoomFor(uint64_t octets) const;

  // Returns the reply to the defects found so far, if there are any.
  std::optional<Reply> Refusal() const;

  // Returns whether a client that ends its lines in a bare LF (or CR) believes
  // that its message is complete: in kData, the last line is a "." between two
  // line ends of any kind, or a QUIT after such a line. Returns false for the
  // true end of the data, which Take() reports, and for CRLF . CR in content
  // without a defect, which may be the first part of the true end.
  bool LooksEnded() const;
  // Returns the reply to what must be refused at the end of a chunk. A bare
  // newline is not included: as after DATA, it is refused at the end of the
  // message.
  std::optional<Reply> ChunkRefusal() const;

 private:
  void KeepTail(absl::string_view taken);

  Form form_;
  uint64_t max_size_;
  int max_hops_;
  uint64_t octets_ = 0;  // kBinary
  BodyScanner scanner_;
  HopCounter hops_;
  absl::string_view octet_slice_;  // kBinary
  // kData: the last octets taken, as received, for LooksEnded(). It starts with
  // a line end because the first line follows one, too.
  static constexpr size_t kTail = sizeof("\n.\r\nQUIT\r\n") - 1;
  std::string tail_ = "\n";
};

// The reply to content that is too large: RFC 1870 6.
const Reply& TooBig();

}  // namespace postern

#endif  // POSTERN_ENGINE_CONTENT_H_
