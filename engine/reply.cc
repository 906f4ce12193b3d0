// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/reply.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace postern {
namespace {

constexpr absl::string_view kCrlf = "\r\n";

// "5.7.1 ", or nothing where there is no code to send.
std::string FormatEnhanced(const Reply& reply) {
  const EnhancedCode& e = reply.enhanced;
  if (e.class_ == 0 || e.class_ != reply.code / 100 || e.class_ == 3 ||
      e.subject > 999 || e.detail > 999) {
    return "";
  }
  return absl::StrCat(e.class_, ".", e.subject, ".", e.detail, " ");
}

}  // namespace

std::string FormatReply(const Reply& reply) {
  const std::string enhanced = FormatEnhanced(reply);
  std::string out;
  absl::string_view rest = reply.text;
  while (true) {
    const size_t end = rest.find('\n');
    const bool last = end == absl::string_view::npos;
    const size_t start = out.size();
    absl::StrAppend(&out, reply.code, last ? " " : "-", enhanced);
    const size_t room = kMaxReplyLine - kCrlf.size() - (out.size() - start);
    for (char c : rest.substr(0, end).substr(0, room)) {
      out += absl::ascii_isprint(c) || c == '\t' ? c : '?';
    }
    absl::StrAppend(&out, kCrlf);
    if (last) return out;
    rest.remove_prefix(end + 1);
  }
}

}  // namespace postern
