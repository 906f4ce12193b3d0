// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/reply.h"

#include "absl/strings/ascii.h"

namespace postern {
namespace {

// Returns whether the reply's lines begin with its enhanced code.
bool ShowsEnhanced(const Reply& reply) {
  const EnhancedCode& e = reply.enhanced;
  return e.class_ != 0 && e.class_ == reply.code / 100 && e.class_ != 3 &&
         e.subject <= 999 && e.detail <= 999;
}

// Writes digits to `to`, and returns where they end. absl::StrAppend() goes
// through a buffer for each number, and a session says little but replies.
char* WriteNumber(unsigned number, char* to) {
  if (number >= 100) *to++ = static_cast<char>('0' + number / 100 % 10);
  if (number >= 10) *to++ = static_cast<char>('0' + number / 10 % 10);
  *to++ = static_cast<char>('0' + number % 10);
  return to;
}

}  // namespace

void AppendReply(const Reply& reply, std::string* out) {
  char start[sizeof("250-2.999.999 ")];  // of each line
  char* end_of_start = WriteNumber(static_cast<unsigned>(reply.code), start);
  char* const mark = end_of_start++;
  if (ShowsEnhanced(reply)) {
    end_of_start = WriteNumber(reply.enhanced.class_, end_of_start);
    *end_of_start++ = '.';
    end_of_start = WriteNumber(reply.enhanced.subject, end_of_start);
    *end_of_start++ = '.';
    end_of_start = WriteNumber(reply.enhanced.detail, end_of_start);
    *end_of_start++ = ' ';
  }
  const size_t start_size = static_cast<size_t>(end_of_start - start);
  absl::string_view rest = reply.text;
  while (true) {
    const size_t end = rest.find('\n');
    const bool last = end == absl::string_view::npos;
    *mark = last ? ' ' : '-';
    out->append(start, start_size);
    const absl::string_view line =
        rest.substr(0, end).substr(0, kMaxReplyLine - 2 - start_size);
    const size_t text = out->size();
    out->append(line.data(), line.size());
    for (size_t i = text; i < out->size(); ++i) {
      char& c = (*out)[i];
      if (!absl::ascii_isprint(c) && c != '\t') c = '?';
    }
    out->append("\r\n", 2);
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
