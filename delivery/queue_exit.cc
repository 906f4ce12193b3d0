// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/queue_exit.h"

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/strip.h"

namespace postern::delivery {
namespace {

struct Row {
  int first;  // exit codes, both included
  int last;
  int code;
  absl::string_view text;  // ends in the enhanced code
};

// From notqmail's qmail.c. The first row that contains the exit code counts.
constexpr Row kRows[] = {
    {11, 11, 554, "envelope address too long for qq (#5.1.3)"},
    {kQueueRejected, kQueueRejected, 554,
     "mail server permanently rejected message (#5.3.0)"},
    {12, 40, 554, "qq permanent problem (#5.3.0)"},
    {51, 51, 451, "qq out of memory (#4.3.0)"},
    {kQueueTimeout, kQueueTimeout, 451, "qq timeout (#4.3.0)"},
    {53, 53, 451, "qq write error or disk full (#4.3.0)"},
    {kQueueReadError, kQueueReadError, 451, "qq read error (#4.3.0)"},
    {55, 55, 451, "qq unable to read configuration (#4.3.0)"},
    {56, 56, 451, "qq trouble making network connection (#4.3.0)"},
    {61, 61, 451, "qq trouble in home directory (#4.3.0)"},
    {62, 66, 451, "qq trouble creating files in queue (#4.3.0)"},
    {71, 71, 451, "mail server temporarily rejected message (#4.3.0)"},
    {72, 72, 451, "connection to mail server timed out (#4.4.1)"},
    {73, 73, 451, "connection to mail server rejected (#4.4.1)"},
    {74, 74, 451, "communication with mail server failed (#4.4.2)"},
    {81, 81, 451, "qq internal bug (#4.3.0)"},
    {91, 91, 451, "qq internal bug (#4.3.0)"},
    {115, 115, 554, "envelope address too long for qq (#5.1.3)"},
    {kQueueExecError, kQueueExecError, 451, "unable to exec qq (#4.3.0)"},
};
constexpr absl::string_view kOtherText = "qq temporary problem (#4.3.0)";

// Returns the code in a "(#5.7.1)" that ends `text`.
std::optional<EnhancedCode> CodeAtEnd(absl::string_view text) {
  const size_t open = text.rfind("(#");
  if (open == absl::string_view::npos || !absl::ConsumeSuffix(&text, ")")) {
    return std::nullopt;
  }
  return ParseEnhancedCode(text.substr(open + 2));
}

Reply FromTable(int code, absl::string_view text) {
  return {code, CodeAtEnd(text).value_or(EnhancedCode{}), std::string(text)};
}

}  // namespace

Reply ReplyForQueueExit(int code) {
  for (const Row& row : kRows) {
    if (row.first <= code && code <= row.last) {
      return FromTable(row.code, row.text);
    }
  }
  return FromTable(451, kOtherText);
}

Reply ReplyForQueueError(int code, absl::string_view text) {
  if (text.size() <= 2) return ReplyForQueueExit(code);
  Reply reply;
  reply.code = text.front() == 'D' ? 554 : 451;
  const uint8_t reply_class = static_cast<uint8_t>(reply.code / 100);
  reply.enhanced = {reply_class, 3, 0};
  text = absl::StripAsciiWhitespace(text.substr(1));
  if (text.empty()) {
    return ReplyForQueueExit(reply_class == 5 ? kQueueRejected : code);
  }
  // RFC 2034 4: a code of another class contradicts the reply, so it is text.
  const absl::string_view word = text.substr(0, text.find(' '));
  const std::optional<EnhancedCode> begin = ParseEnhancedCode(word);
  const std::optional<EnhancedCode> end = CodeAtEnd(text);
  if (begin && begin->class_ == reply_class && word.size() < text.size()) {
    reply.enhanced = *begin;
    text = absl::StripLeadingAsciiWhitespace(text.substr(word.size()));
  } else if (end && end->class_ == reply_class) {
    reply.enhanced = *end;
  }
  reply.text = std::string(text);
  for (char& c : reply.text) {
    if (!absl::ascii_isprint(c)) c = '?';
  }
  return reply;
}

Reply QueueCrashedReply() { return FromTable(451, "qq crashed (#4.3.0)"); }

Reply QueueLostReply() {
  return FromTable(451, "qq waitpid surprise (#4.3.0)");
}

Reply QueueUnavailableReply() { return FromTable(451, "qqt failure (#4.3.0)"); }

}  // namespace postern::delivery
