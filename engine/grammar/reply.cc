// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/grammar/reply.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/strip.h"
#include "engine/grammar/utf8.h"

namespace postern {
namespace {

// Returns whether the reply's lines begin with the enhanced code.
bool ShowsEnhanced(const Reply& reply) {
  const EnhancedCode& e = reply.enhanced;
  return e.class_ != 0 && e.class_ == reply.code / 100 && e.class_ != 3 &&
         e.subject <= 999 && e.detail <= 999;
}

bool IsUnprintable(char c) { return !absl::ascii_isprint(c) && c != '\t'; }

// Writes a number below 1,000 to `to`, and returns the end. absl::StrAppend()
// would use a buffer for each number, and most output of a session is replies.
char* WriteNumber(unsigned number, char* to) {
  if (number >= 10) {
    if (number >= 100) *to++ = static_cast<char>('0' + number / 100 % 10);
    *to++ = static_cast<char>('0' + number / 10 % 10);
    number %= 10;
  }
  *to++ = static_cast<char>('0' + number);
  return to;
}

// Removes a number of at most three digits without leading zeros from the start
// of `text`.
bool TakeNumber(absl::string_view* text, uint16_t* number) {
  size_t n = 0;
  *number = 0;
  while (n < 3 && n < text->size() && absl::ascii_isdigit((*text)[n])) {
    *number = static_cast<uint16_t>(*number * 10 + ((*text)[n] - '0'));
    ++n;
  }
  if (n == 0 || (n > 1 && text->front() == '0')) return false;
  text->remove_prefix(n);
  return true;
}

}  // namespace

std::optional<EnhancedCode> ParseEnhancedCode(absl::string_view text) {
  EnhancedCode code;
  uint16_t class_ = 0;
  if (!TakeNumber(&text, &class_) || !absl::ConsumePrefix(&text, ".") ||
      !TakeNumber(&text, &code.subject) || !absl::ConsumePrefix(&text, ".") ||
      !TakeNumber(&text, &code.detail) || !text.empty() ||
      (class_ != 2 && class_ != 4 && class_ != 5)) {
    return std::nullopt;
  }
  code.class_ = static_cast<uint8_t>(class_);
  return code;
}

char* WriteEnhancedCode(const EnhancedCode& code, char* to) {
  to = WriteNumber(code.class_, to);
  *to++ = '.';
  to = WriteNumber(code.subject, to);
  *to++ = '.';
  return WriteNumber(code.detail, to);
}

void AppendReply(const Reply& reply, std::string* out) {
  char line[kMaxReplyLine];
  char* const mark = WriteNumber(static_cast<unsigned>(reply.code), line);
  char* text = mark + 1;
  if (ShowsEnhanced(reply)) {
    text = WriteEnhancedCode(reply.enhanced, text);
    *text++ = ' ';
  }
  const size_t room = sizeof(line) - 2 - static_cast<size_t>(text - line);
  const bool plain = IsPrintableAscii(reply.text);  // then it is one line
  absl::string_view rest = reply.text;
  while (true) {
    const size_t newline = plain ? rest.npos : rest.find('\n');
    const bool last = newline == rest.npos;
    *mark = last ? ' ' : '-';
    const absl::string_view said = rest.substr(0, newline).substr(0, room);
    char* end = std::copy(said.begin(), said.end(), text);
    if (!plain) std::replace_if(text, end, IsUnprintable, '?');
    *end++ = '\r';
    *end++ = '\n';
    out->append(line, static_cast<size_t>(end - line));
    if (last) return;
    rest.remove_prefix(newline + 1);
  }
}

std::string FormatReply(const Reply& reply) {
  std::string out;
  AppendReply(reply, &out);
  return out;
}

}  // namespace postern
