// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "tests/transcript.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "engine/grammar/extension.h"
#include "engine/grammar/strictness.h"

namespace postern {
namespace {

absl::Status Error(absl::string_view what) {
  return absl::InvalidArgumentError(what);
}

// Returns the value of a quoted string with escapes.
absl::StatusOr<std::string> Unquote(absl::string_view text) {
  if (!absl::ConsumePrefix(&text, "\"") || !absl::ConsumeSuffix(&text, "\"")) {
    return Error("no quotes");
  }
  std::string out;
  while (!text.empty()) {
    const char c = text.front();
    text.remove_prefix(1);
    if (c != '\\') {
      out += c;
      continue;
    }
    if (absl::ConsumePrefix(&text, "r")) {
      out += '\r';
    } else if (absl::ConsumePrefix(&text, "n")) {
      out += '\n';
    } else if (absl::ConsumePrefix(&text, "0")) {
      out += '\0';
    } else if (absl::ConsumePrefix(&text, "\\")) {
      out += '\\';
    } else if (absl::ConsumePrefix(&text, "\"")) {
      out += '"';
    } else if (absl::ConsumePrefix(&text, "x") && text.size() >= 2 &&
               absl::ascii_isxdigit(text[0]) && absl::ascii_isxdigit(text[1])) {
      out += static_cast<char>(
          std::stoi(std::string(text.substr(0, 2)), nullptr, 16));
      text.remove_prefix(2);
    } else {
      return Error("bad escape");
    }
  }
  return out;
}

// "550 5.1.1 no such user" or "550 no such user".
absl::StatusOr<Reply> ParseReply(absl::string_view text) {
  Reply reply;
  const std::pair<absl::string_view, absl::string_view> code =
      absl::StrSplit(text, absl::MaxSplits(' ', 1));
  if (!absl::SimpleAtoi(code.first, &reply.code)) return Error("bad code");
  const std::pair<absl::string_view, absl::string_view> enhanced =
      absl::StrSplit(code.second, absl::MaxSplits(' ', 1));
  const std::vector<absl::string_view> numbers =
      absl::StrSplit(enhanced.first, '.');
  uint32_t class_ = 0;
  uint32_t subject = 0;
  uint32_t detail = 0;
  if (numbers.size() == 3 && absl::SimpleAtoi(numbers[0], &class_) &&
      absl::SimpleAtoi(numbers[1], &subject) &&
      absl::SimpleAtoi(numbers[2], &detail)) {
    reply.enhanced = {static_cast<uint8_t>(class_),
                      static_cast<uint16_t>(subject),
                      static_cast<uint16_t>(detail)};
    reply.text = std::string(enhanced.second);
  } else {
    reply.text = std::string(code.second);
  }
  return reply;
}

absl::StatusOr<Verdict> ParseVerdict(absl::string_view answer) {
  if (answer == "accept") return Verdict::Accept();
  if (answer == "accept normalized") {
    return Verdict::AcceptWith(BareNewlines::kNormalize);
  }
  if (absl::ConsumePrefix(&answer, "accept as ")) {
    const std::optional<ParsedPath> parsed = ParsePath(answer, Utf8::kYes);
    if (!parsed) return Error("bad path");
    return Verdict::AcceptAs(parsed->path);
  }
  const std::pair<absl::string_view, absl::string_view> words =
      absl::StrSplit(answer, absl::MaxSplits(' ', 1));
  absl::StatusOr<Reply> reply = ParseReply(words.second);
  if (!reply.ok()) return reply.status();
  if (words.first == "accept") return Verdict::Accept(*std::move(reply));
  if (words.first == "refuse") return Verdict::Refuse(*std::move(reply));
  if (words.first == "drop") return Verdict::Drop(*std::move(reply));
  return Error("bad answer");
}

absl::StatusOr<Transcript::Question> ParseQuestion(absl::string_view text) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(text, absl::MaxSplits(" => ", 1));
  absl::string_view answer = parts.second;
  Transcript::Question question{std::string(parts.first), {}};
  if (answer == "silence") return question;
  if (answer == "challenge") {
    question.answer.emplace(AuthChallenge());
  } else if (absl::ConsumePrefix(&answer, "challenge ")) {
    question.answer.emplace(AuthChallenge{std::string(answer)});
  } else if (absl::ConsumePrefix(&answer, "grant ")) {
    question.answer.emplace(AuthGranted{std::string(answer)});
  } else if (absl::ConsumePrefix(&answer, "each ")) {
    std::vector<Verdict> each;
    for (absl::string_view part : absl::StrSplit(answer, " | ")) {
      absl::StatusOr<Verdict> verdict = ParseVerdict(part);
      if (!verdict.ok()) return verdict.status();
      each.push_back(*std::move(verdict));
    }
    question.answer.emplace(std::move(each));
  } else {
    absl::StatusOr<Verdict> verdict =
        ParseVerdict(answer.empty() ? "accept" : answer);
    if (!verdict.ok()) return verdict.status();
    question.answer.emplace(*std::move(verdict));
  }
  return question;
}

// "CHUNKING DSN": EHLO's keywords.
bool ParseExtensions(absl::string_view text, ExtensionSet* extensions) {
  *extensions = {};
  for (absl::string_view word : absl::StrSplit(text, ' ', absl::SkipEmpty())) {
    const auto* row = std::find_if(
        std::begin(kExtensionTable), std::end(kExtensionTable),
        [word](const ExtensionRow& row) { return row.keyword == word; });
    if (row == std::end(kExtensionTable)) return false;
    *extensions = *extensions | ExtensionSet{row->extension};
  }
  return true;
}

absl::Status Set(absl::string_view text, ServerConfig* config) {
  const std::pair<absl::string_view, absl::string_view> words =
      absl::StrSplit(text, absl::MaxSplits(' ', 1));
  const absl::string_view key = words.first;
  const absl::string_view value = words.second;
  const std::pair<absl::string_view, bool*> bools[] = {
      {"require_hello", &config->require_hello},
      {"lmtp", &config->lmtp},
      {"announce_limits", &config->announce_limits},
      {"offer_starttls", &config->offer_starttls},
      {"require_tls", &config->require_tls},
      {"require_auth", &config->require_auth},
      {"xclient", &config->xclient},
  };
  const std::pair<absl::string_view, int*> ints[] = {
      {"max_errors", &config->max_errors},
      {"max_hops", &config->max_hops},
      {"max_invalid_recipients", &config->max_invalid_recipients},
      {"max_messages", &config->max_messages},
      {"max_auth_failures", &config->max_auth_failures},
  };
  const std::pair<absl::string_view, uint64_t*> sizes[] = {
      {"max_message_size", &config->max_message_size},
      {"max_recipients", &config->max_recipients},
      {"max_line", &config->max_line},
      {"max_output", &config->max_output},
      {"max_discarded", &config->max_discarded},
  };
  const std::pair<absl::string_view, std::vector<std::string>*> lists[] = {
      {"mechanisms", &config->mechanisms},
      {"mechanisms_without_tls", &config->mechanisms_without_tls},
  };
  const std::pair<absl::string_view, ExtensionSet*> sets[] = {
      {"extensions", &config->extensions},
      {"carried", &config->carried},
  };
  const auto checked = [](bool good) {
    return good ? absl::OkStatus() : Error("bad value");
  };
  for (const auto& [name, field] : bools) {
    if (name == key) return checked(absl::SimpleAtob(value, field));
  }
  for (const auto& [name, field] : ints) {
    if (name == key) return checked(absl::SimpleAtoi(value, field));
  }
  for (const auto& [name, field] : sizes) {
    if (name == key) return checked(absl::SimpleAtoi(value, field));
  }
  for (const auto& [name, field] : sets) {
    if (name == key) return checked(ParseExtensions(value, field));
  }
  for (const auto& [name, field] : lists) {
    if (name != key) continue;
    *field = absl::StrSplit(value, ' ');
    return absl::OkStatus();
  }
  if (key == "greeting") {
    config->greeting = std::string(value);
  } else if (key == "bare_newlines") {
    config->bare_newlines =
        value == "reject" ? BareNewlines::kReject : BareNewlines::kNormalize;
    return checked(value == "reject" || value == "normalize");
  } else if (key == "strictness") {
    config->strictness =
        value == "strict" ? Strictness::kStrict : Strictness::kLenient;
    return checked(value == "strict" || value == "lenient");
  } else if (key == "hold_limits") {
    HoldLimits& limits = config->hold_limits.emplace();
    limits.longest = absl::Hours(1);
    limits.latest = absl::FromUnixSeconds(1800000000);
    return checked(value == "hour");
  } else if (key == "min_deliver_by") {
    int seconds = 0;
    const bool good = absl::SimpleAtoi(value, &seconds);
    config->min_deliver_by = absl::Seconds(seconds);
    return checked(good);
  } else {
    return Error("unknown key");
  }
  return absl::OkStatus();
}

class Parser {
 public:
  Parser() {
    transcript_.config.greeting = "mx.example";
    transcript_.config.max_message_size = 1000000;
    // A transcript enables the extensions that it needs; its EHLO shows no
    // others.
    transcript_.config.extensions = {};
    transcript_.config.announce_limits = false;
  }

  absl::Status Line(absl::string_view line) {
    if (transcript_.title.empty()) {
      if (!absl::ConsumePrefix(&line, "# ")) return Error("no title");
      transcript_.title = std::string(line);
      return absl::OkStatus();
    }
    if (line.empty() || line[0] == '#') return absl::OkStatus();
    if (absl::ConsumePrefix(&line, "repeat ")) {
      return absl::SimpleAtoi(line, &times_) ? absl::OkStatus()
                                             : Error("bad number");
    }
    if (line[0] != 'M') in_message_ = false;
    absl::Status status;
    for (int i = std::exchange(times_, 1); i > 0 && status.ok(); --i) {
      status = Event(line);
    }
    return status;
  }

  Transcript Take() { return std::move(transcript_); }

 private:
  absl::Status Event(absl::string_view line) {
    if (absl::ConsumePrefix(&line, "set ")) {
      return Set(line, &transcript_.config);
    }
    if (line == "TLS:") {
      transcript_.flights.emplace_back();
      return absl::OkStatus();
    }
    const char kind = line[0];
    line.remove_prefix(1);
    if (line == "." && kind == 'M') {
      if (!in_message_) transcript_.messages.emplace_back();
      in_message_ = false;
      return absl::OkStatus();
    }
    std::string text;
    const bool raw = absl::StartsWith(line, "\"");
    if (raw) {
      absl::StatusOr<std::string> unquoted = Unquote(line);
      if (!unquoted.ok()) return unquoted.status();
      text = *std::move(unquoted);
    } else {
      if (!absl::ConsumePrefix(&line, ":")) return Error("no such line");
      absl::ConsumePrefix(&line, " ");
      text = std::string(line);
    }
    const absl::string_view eol = raw ? "" : "\r\n";
    switch (kind) {
      case 'C':
        if (transcript_.end != WireEnd::kOpen) return Error("after the end");
        absl::StrAppend(&transcript_.flights.back(), text, eol);
        return absl::OkStatus();
      case 'S':
        absl::StrAppend(&transcript_.replies, text, eol);
        return absl::OkStatus();
      case 'M':
        if (!in_message_) transcript_.messages.emplace_back();
        in_message_ = true;
        absl::StrAppend(&transcript_.messages.back(), text, eol);
        return absl::OkStatus();
      case 'A': {
        absl::StatusOr<Transcript::Question> question = ParseQuestion(text);
        if (!question.ok()) return question.status();
        transcript_.questions.push_back(*std::move(question));
        return absl::OkStatus();
      }
      case 'E':
        transcript_.end = WireEnd::kEof;
        return absl::OkStatus();
      case 'T':
        transcript_.end = WireEnd::kTimedOut;
        return absl::OkStatus();
      case 'D':
        transcript_.end = WireEnd::kShutdown;
        return absl::OkStatus();
      case 'X':
        transcript_.closed = text;
        return absl::OkStatus();
      default:
        return Error("no such line");
    }
  }

  Transcript transcript_;
  int times_ = 1;
  bool in_message_ = false;
};

}  // namespace

absl::StatusOr<Transcript> ParseTranscript(absl::string_view text) {
  Parser parser;
  int number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    const absl::Status status = parser.Line(line);
    if (!status.ok()) {
      return Error(absl::StrCat("line ", number, ": ", status.message()));
    }
  }
  return parser.Take();
}

}  // namespace postern
