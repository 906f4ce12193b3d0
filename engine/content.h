// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The content of one message on its way in, and what is wrong with it.

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

// Content takes what stands behind DATA, up to its CRLF.CRLF (RFC 5321
// 4.1.1.4), or in the chunks of BDAT (RFC 3030 2), and looks for what must be
// refused: bare newlines, hops, too many octets. It copies nothing.
//
// Of several reasons to refuse, the reply gives the first of that list: so it
// does not depend on where in the message each was seen.
class Content {
 public:
  enum class Form : uint8_t {
    kData,    // with dots and an end
    kText,    // in chunks: dots are content, lines end in CRLF
    kBinary,  // in chunks: octets, BODY=BINARYMIME
  };

  Content(const ServerConfig& config, Form form, BareNewlines bare_newlines)
      : form_(form),
        max_size_(config.max_message_size),
        max_hops_(config.max_hops),
        scanner_(bare_newlines,
                 form == Form::kData ? Framing::kDotted : Framing::kCounted) {}

  // Takes some of `in`: all of it, unless it says `end` or has found so many
  // slices that they must be dealt with first; in kData, but for the last two
  // bytes. See BodyScanner::Result. Its slices live until the next call.
  BodyScanner::Result Take(absl::string_view in);
  // Says that the last chunk has come to its end.
  BodyScanner::Result Finish();

  // Octets so far, CRLF counted as two: RFC 1870 3.
  uint64_t size() const;
  // Bytes looked at so far, as BodyScanner::examined().
  uint64_t examined() const { return octets_ + scanner_.examined(); }
  // Returns true if a chunk of so many octets more would be too much.
  bool HasRoomFor(uint64_t octets) const;

  // Returns the reply to what has been found wrong so far.
  std::optional<Reply> Refusal() const;

  // Returns whether a client that ends its lines in a bare LF (or CR) believes
  // that its message is complete: in kData, the last line is a "." that stands
  // between two line ends of any kind, or a QUIT after it. The true end of the
  // data is not among them: Take() reports that. Nor is what may be the first
  // half of it, CRLF . CR, in content that has no defect.
  bool LooksEnded() const;
  // Returns the reply to what must be refused at a chunk's end. A bare newline
  // is not: as behind DATA, the verdict on the text waits for its end.
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
  // kData: the last octets taken, as they came, for LooksEnded(). The first
  // line begins after a line end, too.
  static constexpr size_t kTail = sizeof("\n.\r\nQUIT\r\n") - 1;
  std::string tail_ = "\n";
};

// The reply to more octets than there may be: RFC 1870 6.
const Reply& TooBig();

}  // namespace postern

#endif  // POSTERN_ENGINE_CONTENT_H_
