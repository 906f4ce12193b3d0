// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/log_value.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace postern::policy {
namespace {

// Returns `text` with `special` and all that is not printable as \xNN, in no
// more than `limit` bytes.
std::string Escape(absl::string_view text, absl::string_view special,
                   size_t limit) {
  constexpr absl::string_view kCut = "\\...";
  std::string out;
  size_t whole = 0;  // bytes of `out` that leave room for kCut
  for (char c : text) {
    if (absl::ascii_isprint(c) && special.find(c) == absl::string_view::npos) {
      out += c;
    } else {
      absl::StrAppend(
          &out, "\\x",
          absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad2));
    }
    if (out.size() > limit) return absl::StrCat(out.substr(0, whole), kCut);
    if (out.size() + kCut.size() <= limit) whole = out.size();
  }
  return out;
}

}  // namespace

std::string LogText(absl::string_view text, size_t limit) {
  std::string escaped = Escape(text, "\"\\<>", limit);
  if (!escaped.empty() && escaped.find(' ') == std::string::npos) {
    return escaped;
  }
  return absl::StrCat("\"", escaped, "\"");
}

std::string LogAddress(const Path& path) {
  return absl::StrCat("<", Escape(path.Address(), " \"\\<>", kMaxLoggedAddress),
                      ">");
}

std::string LogReply(const Reply& reply) {
  std::string text = absl::StrCat(reply.code, " ");
  if (reply.enhanced.class_ != 0) {
    absl::StrAppend(&text, reply.enhanced.class_, ".", reply.enhanced.subject,
                    ".", reply.enhanced.detail, " ");
  }
  return LogText(text + reply.text, kMaxLoggedText);
}

}  // namespace postern::policy
