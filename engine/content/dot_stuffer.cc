// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/content/dot_stuffer.h"

#include "absl/base/macros.h"

namespace postern {
namespace {

// The end of the data. Its CRLF is needed if the content does not end a line.
constexpr absl::string_view kEnd = "\r\n.\r\n";
constexpr absl::string_view kCrlf = kEnd.substr(0, 2);

// Returns true if each CR and LF of `bytes` is part of a CRLF. An LF at the
// start is, if `after_cr`, and a CR at the end may be.
bool CleanLines(absl::string_view bytes, bool after_cr) {
  if (after_cr) {
    if (bytes.front() != '\n') return false;
    bytes.remove_prefix(1);
  }
  while (!bytes.empty()) {
    const size_t lf = bytes.find('\n');
    const bool last = lf == absl::string_view::npos;
    const size_t cr = bytes.substr(0, lf).find('\r');
    if (last) return cr == absl::string_view::npos || cr + 1 == bytes.size();
    if (cr == absl::string_view::npos || cr + 1 != lf) return false;
    bytes.remove_prefix(lf + 1);
  }
  return true;
}

}  // namespace

bool DotStuffer::Lend(absl::string_view bytes) {
  ABSL_HARDENING_ASSERT(piece_.empty() && !end_due_);
  if (bytes.empty()) return true;
  if (!CleanLines(bytes, held_cr_)) return false;
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
  if (line_start_ && rest_.front() == '.' && !dot_sent_) {
    piece_ = rest_.substr(0, 1);
    dot_sent_ = true;
    return;
  }
  dot_sent_ = false;
  size_t end = 0;
  while (end < rest_.size() && !dot_sent_) {
    const size_t lf = rest_.find('\n', end);
    end = lf == absl::string_view::npos ? rest_.size() : lf + 1;
    dot_sent_ = lf + 1 == end && end < rest_.size() && rest_[end] == '.';
  }
  line_start_ = rest_[end - 1] == '\n';
  piece_ = rest_.substr(0, dot_sent_ ? end + 1 : end);
  rest_.remove_prefix(end);
}

}  // namespace postern
