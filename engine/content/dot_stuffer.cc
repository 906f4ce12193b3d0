// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/content/dot_stuffer.h"

#include <algorithm>

#include "absl/base/macros.h"

namespace postern {
namespace {

// The end of the data. Its CRLF is needed if the content does not end a line.
constexpr absl::string_view kEnd = "\r\n.\r\n";
constexpr absl::string_view kCrlf = kEnd.substr(0, 2);
// Neither CR nor LF nor a dot.
constexpr char kOrdinary = 'x';

}  // namespace

size_t DotStuffer::Plain(absl::string_view bytes, char before) const {
  const size_t blocks = bytes.size() / ContentBlock::kSize;
  if (blocks == 0) return 0;
  ContentBlock block;
  find_(bytes.data(), blocks, before, '.', &block);
  return block.plain * ContentBlock::kSize;
}

bool DotStuffer::IsClean(absl::string_view bytes) const {
  char before = held_cr_ ? '\r' : kOrdinary;
  while (!bytes.empty()) {
    if (const size_t plain = Plain(bytes, before); plain > 0) {
      before = bytes[plain - 1];
      bytes.remove_prefix(plain);
    }
    const absl::string_view odd = bytes.substr(0, ContentBlock::kSize);
    for (const char c : odd) {
      if ((c == '\n') != (before == '\r')) return false;
      before = c;
    }
    bytes.remove_prefix(odd.size());
  }
  return true;
}

bool DotStuffer::Lend(absl::string_view bytes) {
  ABSL_HARDENING_ASSERT(piece_.empty() && !end_due_);
  if (bytes.empty()) return true;
  if (!IsClean(bytes)) return false;
  if (held_cr_) {
    piece_ = kCrlf;
    line_start_ = true;
    bytes.remove_prefix(1);
  }
  held_cr_ = !bytes.empty() && bytes.back() == '\r';
  if (held_cr_) bytes.remove_suffix(1);
  rest_ = bytes;
  if (piece_.empty()) Cut();
  return true;
}

bool DotStuffer::End() {
  if (held_cr_) return false;
  end_due_ = true;
  if (piece_.empty()) Cut();
  return true;
}

void DotStuffer::Written(size_t n) {
  ABSL_HARDENING_ASSERT(n <= piece_.size());
  piece_.remove_prefix(n);
  if (piece_.empty()) Cut();
}

void DotStuffer::Cut() {
  if (rest_.empty()) {
    if (end_due_) piece_ = line_start_ ? kEnd.substr(kCrlf.size()) : kEnd;
    end_due_ = false;
    return;
  }
  // The octet before rest_[end]. A dot that has been sent is not stuffed again.
  char before = line_start_ && !dot_sent_ ? '\n' : kOrdinary;
  dot_sent_ = false;
  size_t end = 0;
  while (end < rest_.size() && !dot_sent_) {
    if (const size_t plain = Plain(rest_.substr(end), before); plain > 0) {
      end += plain;
      before = rest_[end - 1];
    }
    const size_t stop = std::min(rest_.size(), end + ContentBlock::kSize);
    for (; end < stop; before = rest_[end++]) {
      dot_sent_ = before == '\n' && rest_[end] == '.';
      if (dot_sent_) break;
    }
  }
  piece_ = rest_.substr(0, dot_sent_ ? end + 1 : end);
  line_start_ = dot_sent_ || before == '\n';
  rest_.remove_prefix(end);
}

}  // namespace postern
