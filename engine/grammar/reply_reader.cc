// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/grammar/reply_reader.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace postern {
namespace {

// Removes the enhanced code from the lines of `reply`, if each line has it.
void TakeEnhanced(Reply* reply) {
  const size_t space = reply->text.find(' ');
  if (space == std::string::npos) return;
  const std::optional<EnhancedCode> code =
      ParseEnhancedCode(absl::string_view(reply->text).substr(0, space));
  if (!code || code->class_ != reply->code / 100) return;
  const std::string prefix = reply->text.substr(0, space + 1);
  std::string text;
  absl::string_view rest = reply->text;
  while (absl::StartsWith(rest, prefix)) {
    rest.remove_prefix(prefix.size());
    const size_t end = rest.find('\n');
    if (end == absl::string_view::npos) {
      absl::StrAppend(&text, rest);
      reply->enhanced = *code;
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
