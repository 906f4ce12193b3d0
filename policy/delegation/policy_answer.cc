// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/delegation/policy_answer.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "engine/grammar/header_field.h"

namespace postern::policy {
namespace {

using Kind = PolicyAnswer::Kind;

struct Action {
  absl::string_view word;
  Kind kind = Kind::kNoOpinion;
  int code = 0;                 // kRefuse
  absl::string_view text = "";  // kRefuse: if the answer has none
};

constexpr Action kActions[] = {
    {"OK"},
    {"DUNNO"},
    {"PERMIT"},
    {"REJECT", Kind::kRefuse, 554, "access denied"},
    {"DEFER", Kind::kRefuse, 450, "access denied for now"},
    {"DEFER_IF_PERMIT", Kind::kRefuse, 450, "service unavailable"},
    {"DEFER_IF_REJECT", Kind::kNote},
    {"PREPEND", Kind::kHeader},
    {"WARN", Kind::kNote},
    {"INFO", Kind::kNote},
};

bool AllDigits(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c));
  });
}

// Removes the first word of `text`, and the blanks around it.
absl::string_view TakeWord(absl::string_view* text) {
  *text = absl::StripAsciiWhitespace(*text);
  const absl::string_view word = text->substr(0, text->find_first_of(" \t"));
  text->remove_prefix(word.size());
  *text = absl::StripAsciiWhitespace(*text);
  return word;
}

Reply MakeReply(int code, absl::string_view text, absl::string_view otherwise) {
  const auto reply_class = static_cast<uint8_t>(code / 100);
  Reply reply = {code, {reply_class, 7, 1}, ""};
  absl::string_view rest = text;
  // RFC 2034 4: an enhanced code of another class contradicts the reply.
  const auto enhanced = ParseEnhancedCode(TakeWord(&rest));
  if (enhanced && enhanced->class_ == reply_class) {
    reply.enhanced = *enhanced;
    text = rest;
  }
  reply.text = std::string(text.empty() ? otherwise : text);
  return reply;
}

absl::Status Wrong(absl::string_view what, absl::string_view text) {
  constexpr size_t kShown = 100;
  return absl::InvalidArgumentError(
      absl::StrCat(what, ": ", absl::CHexEscape(text.substr(0, kShown))));
}

absl::StatusOr<PolicyAnswer> ParseAction(absl::string_view action) {
  absl::string_view text = action;
  const absl::string_view word = TakeWord(&text);
  if (word.empty()) return Wrong("the action is empty", action);
  if (std::optional<Reply> reply = ParseRefusal(action, "access denied")) {
    return PolicyAnswer{Kind::kRefuse, *std::move(reply), ""};
  }
  if (AllDigits(word)) return PolicyAnswer{};
  for (const Action& row : kActions) {
    if (!absl::EqualsIgnoreCase(word, row.word)) continue;
    PolicyAnswer answer = {.kind = row.kind};
    switch (row.kind) {
      case Kind::kNoOpinion:
        break;
      case Kind::kRefuse:
        answer.reply = MakeReply(row.code, text, row.text);
        break;
      case Kind::kHeader:
        answer.text = absl::StrCat(text, "\r\n");
        if (!IsHeader(answer.text)) {
          return Wrong("PREPEND without a header field", action);
        }
        break;
      case Kind::kNote:
        answer.text = std::string(action);
        break;
    }
    return answer;
  }
  return Wrong("the action is not supported", action);
}

}  // namespace

absl::StatusOr<PolicyAnswer> ParsePolicyAnswer(absl::string_view answer) {
  std::optional<absl::string_view> action;
  absl::ConsumeSuffix(&answer, "\n");
  absl::ConsumeSuffix(&answer, "\n");
  for (const absl::string_view line : absl::StrSplit(answer, '\n')) {
    const size_t equals = line.find('=');
    if (equals == absl::string_view::npos) {
      return Wrong("a line is not NAME=VALUE", line);
    }
    if (std::any_of(line.begin(), line.end(), [](char c) {
          return c != '\t' &&
                 absl::ascii_iscntrl(static_cast<unsigned char>(c));
        })) {
      return Wrong("the answer contains a control character", line);
    }
    if (line.substr(0, equals) != "action") continue;
    if (action) return Wrong("the answer has two actions", line);
    action = line.substr(equals + 1);
  }
  if (!action) return Wrong("the answer has no action", answer);
  return ParseAction(*action);
}

std::optional<Reply> ParseRefusal(absl::string_view text,
                                  absl::string_view otherwise) {
  const absl::string_view word = TakeWord(&text);
  if (word.size() != 3 || !AllDigits(word) ||
      (word[0] != '4' && word[0] != '5')) {
    return std::nullopt;
  }
  const int code =
      (word[0] - '0') * 100 + (word[1] - '0') * 10 + (word[2] - '0');
  return MakeReply(code, text, otherwise);
}

Verdict RefuseWith(Reply reply) {
  if (reply.code == 421 || reply.code == 521) {
    return Verdict::Drop(std::move(reply));
  }
  return Verdict::Refuse(std::move(reply));
}

}  // namespace postern::policy
