// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/grammar/reply_reader.h"

#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace postern {
namespace {

// Removes a number of at most three digits from the start of `text`.
bool TakeNumber(absl::string_view* text, uint16_t* number) {
  size_t n = 0;
  *number = 0;
  while (n < 3 && n < text->size() && absl::ascii_isdigit((*text)[n])) {
    *number = static_cast<uint16_t>(*number * 10 + ((*text)[n] - '0'));
    ++n;
  }
  if (n == 0) return false;
  text->remove_prefix(n);
  return true;
}

bool TakeChar(absl::string_view* text, char c) {
  if (text->empty() || text->front() != c) return false;
  text->remove_prefix(1);
  return true;
}

// Parses "5.7.1 " at the start of `text`. class_ == 0 if there is none.
EnhancedCode FrontCode(absl::string_view text) {
  EnhancedCode code;
  uint16_t class_ = 0;
  if (!TakeNumber(&text, &class_) || !TakeChar(&text, '.') ||
      !TakeNumber(&text, &code.subject) || !TakeChar(&text, '.') ||
      !TakeNumber(&text, &code.detail) || !TakeChar(&text, ' ') ||
      (class_ != 2 && class_ != 4 && class_ != 5)) {
    return {};
  }
  code.class_ = static_cast<uint8_t>(class_);
  return code;
}

// Removes the enhanced code from the lines of `reply`, if each line has it.
void TakeEnhanced(Reply* reply) {
  const EnhancedCode code = FrontCode(reply->text);
  if (code.class_ == 0 || code.class_ != reply->code / 100) return;
  // In the form that AppendReply() prints: RFC 3463 2 has no leading zeros.
  const std::string prefix =
      absl::StrCat(code.class_, ".", code.subject, ".", code.detail, " ");
  std::string text;
  absl::string_view rest = reply->text;
  while (absl::StartsWith(rest, prefix)) {
    rest.remove_prefix(prefix.size());
    const size_t end = rest.find('\n');
    if (end == absl::string_view::npos) {
      absl::StrAppend(&text, rest);
      reply->enhanced = code;
      reply->text = std::move(text);
      return;
    }
    absl::StrAppend(&text, rest.substr(0, end + 1));
    rest.remove_prefix(end + 1);
  }
}

}  // namespace

ReplyReader::Result ReplyReader::Next(absl::string_view in) {
  Result result;
  while (result.kind == Result::Kind::kPartial) {
    const LineReader::Result read =
        lines_.Next(in.substr(result.consumed), max_line_);
    result.consumed += read.consumed;
    switch (read.kind) {
      case LineReader::Result::Kind::kPartial:
        // The reader discards only overlong input.
        if (read.consumed > 0) result.kind = Result::Kind::kTooLarge;
        return result;
      case LineReader::Result::Kind::kOverlong:
        result.kind = Result::Kind::kTooLarge;
        break;
      case LineReader::Result::Kind::kBareLf:
        result.kind = read.consumed > max_line_ ? Result::Kind::kTooLarge
                                                : Result::Kind::kMalformed;
        break;
      case LineReader::Result::Kind::kLine:
        size_ = (within_ ? size_ : 0) + read.consumed;
        result.kind =
            size_ > max_reply_ ? Result::Kind::kTooLarge : TakeLine(read.line);
        break;
    }
  }
  return result;
}

ReplyReader::Result::Kind ReplyReader::TakeLine(absl::string_view line) {
  using Kind = Result::Kind;
  if (line.size() < 3 || line[0] < '2' || line[0] > '5' ||
      !absl::ascii_isdigit(line[1]) || !absl::ascii_isdigit(line[2])) {
    return Kind::kMalformed;
  }
  const int code =
      (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
  const char separator = line.size() > 3 ? line[3] : ' ';
  if (separator != ' ' && separator != '-') return Kind::kMalformed;
  if (within_ && code != reply_.code) return Kind::kMalformed;
  if (within_) {
    reply_.text += '\n';
  } else {
    reply_.code = code;
    reply_.enhanced = EnhancedCode();
    reply_.text.clear();
  }
  line.remove_prefix(line.size() > 3 ? 4 : 3);
  for (char c : line) {
    if (c == '\r') return Kind::kMalformed;
    reply_.text += absl::ascii_isprint(c) || c == '\t' ? c : '?';
  }
  within_ = separator == '-';
  if (within_) return Kind::kPartial;
  TakeEnhanced(&reply_);
  return Kind::kReply;
}

}  // namespace postern
