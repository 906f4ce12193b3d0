// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Frames the content of a message for DATA or in BDAT chunks.

#ifndef POSTERN_ENGINE_CONTENT_BODY_SENDER_H_
#define POSTERN_ENGINE_CONTENT_BODY_SENDER_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "engine/content/dot_stuffer.h"

namespace postern {

// How content is sent.
enum class BodyCommand : uint8_t {
  kData,  // RFC 5321 4.1.1.4: lines, dots stuffed
  kBdat,  // RFC 3030: any bytes, each Lend() is one chunk
};

// BodySender turns the content that it is lent into pieces to write, and copies
// none of it. Use one object for each message.
//
//   kBdat: Lend("hi\r\n"); End();  "BDAT 4\r\n" "hi\r\n" "BDAT 0 LAST\r\n"
//   kData: see engine/content/dot_stuffer.h
class BodySender {
 public:
  // Frames the content of one message for `framing`.
  explicit BodySender(BodyCommand framing) : framing_(framing) {}

  // Takes the next bytes of content. Piece() must be empty, and End() not
  // called yet. The bytes must stay valid until Piece() is empty again. Returns
  // false, and takes none, for a bare CR or LF under kData.
  bool Lend(absl::string_view bytes);
  // Ends the content. Returns false, and does not end it, if content of kData
  // ends in a bare CR. Call it once.
  bool End();

  // Returns the next bytes to write. Empty: lend more, unless sent().
  absl::string_view Piece() const;
  // Reports that the first `n` bytes of Piece() are written, n <= its size.
  void Written(size_t n);

  // Returns whether End() has ended the content.
  bool ended() const { return ended_; }
  // Returns true if End() was called and nothing is left to write.
  bool sent() const { return ended_ && Piece().empty(); }

  // Counts the chunks that have no reply yet, except the last chunk.
  size_t chunks_open() const { return chunks_open_; }
  void ChunkAnswered() { --chunks_open_; }

 private:
  const BodyCommand framing_;
  bool ended_ = false;
  DotStuffer stuffer_;       // kData
  std::string line_;         // kBdat: the command
  size_t line_written_ = 0;  // bytes at the start of line_ that are written
  absl::string_view chunk_;  // follows line_
  bool last_due_ = false;    // BDAT 0 LAST follows chunk_
  size_t chunks_open_ = 0;
};

}  // namespace postern

#endif  // POSTERN_ENGINE_CONTENT_BODY_SENDER_H_
