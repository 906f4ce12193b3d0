// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/content/body_sender.h"

#include "absl/base/macros.h"
#include "absl/strings/str_cat.h"

namespace postern {

bool BodySender::Lend(absl::string_view bytes) {
  ABSL_HARDENING_ASSERT(Piece().empty() && !ended_);
  if (framing_ == BodyCommand::kData) return stuffer_.Lend(bytes);
  if (bytes.empty()) return true;
  line_ = absl::StrCat("BDAT ", bytes.size(), "\r\n");
  line_written_ = 0;
  chunk_ = bytes;
  ++chunks_open_;
  return true;
}

bool BodySender::End() {
  ABSL_HARDENING_ASSERT(!ended_);
  if (framing_ == BodyCommand::kData) return ended_ = stuffer_.End();
  ended_ = true;
  last_due_ = true;
  Written(0);
  return true;
}

absl::string_view BodySender::Piece() const {
  if (framing_ == BodyCommand::kData) return stuffer_.Piece();
  if (line_written_ == line_.size()) return chunk_;
  return absl::string_view(line_).substr(line_written_);
}

void BodySender::Written(size_t n) {
  ABSL_HARDENING_ASSERT(n <= Piece().size());
  if (framing_ == BodyCommand::kData) return stuffer_.Written(n);
  if (line_written_ < line_.size()) {
    line_written_ += n;
  } else {
    chunk_.remove_prefix(n);
  }
  if (last_due_ && Piece().empty()) {
    last_due_ = false;
    line_ = "BDAT 0 LAST\r\n";
    line_written_ = 0;
  }
}

}  // namespace postern
