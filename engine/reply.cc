// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/reply.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace postern {
namespace {

constexpr absl::string_view kCrlf = "\r\n";

// Returns whether the reply's lines begin with its enhanced code.
bool ShowsEnhanced(const Reply& reply) {
  const EnhancedCode& e = reply.enhanced;
  return e.class_ != 0 && e.class_ == reply.code / 100 && e.class_ != 3 &&
         e.subject <= 999 && e.detail <= 999;
}

}  // namespace

void AppendReply(const Reply& reply, std::string* out) {
  const EnhancedCode& e = reply.enhanced;
  const bool enhanced = ShowsEnhanced(reply);
  absl::string_view rest = reply.text;
  while (true) {
    const size_t end = rest.find('\n');
    const bool last = end == absl::string_view::npos;
    const size_t start = out->size();
    absl::StrAppend(out, reply.code, last ? " " : "-");
    if (enhanced) {
      absl::StrAppend(out, e.class_, ".", e.subject, ".");
      absl::StrAppend(out, e.detail, " ");
    }
    const size_t room = kMaxReplyLine - kCrlf.size() - (out->size() - start);
    for (char c : rest.substr(0, end).substr(0, room)) {
      *out += absl::ascii_isprint(c) || c == '\t' ? c : '?';
    }
    absl::StrAppend(out, kCrlf);
    if (last) return;
    rest.remove_prefix(end + 1);
  }
}

std::string FormatReply(const Reply& reply) {
  std::string out;
  AppendReply(reply, &out);
  return out;
}

}  // namespace postern
