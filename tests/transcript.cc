// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "tests/transcript.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace postern {
namespace {

absl::Status Error(absl::string_view what) {
  return absl::InvalidArgumentError(what);
}

// Takes a quoted string with escapes apart.
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

absl::StatusOr<Transcript::Question> ParseQuestion(absl::string_view text) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(text, absl::MaxSplits(" => ", 1));
  absl::string_view answer = parts.second;
  Transcript::Question question{std::string(parts.first), Verdict::Accept()};
  if (answer.empty()) return question;
  if (answer == "silence") {
    question.verdict.reset();
    return question;
  }
  if (absl::ConsumePrefix(&answer, "accept as ")) {
    const std::optional<ParsedPath> parsed = ParsePath(answer);
    if (!parsed) return Error("bad path");
    question.verdict.emplace(Verdict::AcceptAs(parsed->path));
    return question;
  }
  const std::pair<absl::string_view, absl::string_view> words =
      absl::StrSplit(answer, absl::MaxSplits(' ', 1));
  absl::StatusOr<Reply> reply = ParseReply(words.second);
  if (!reply.ok()) return reply.status();
  if (words.first == "accept") {
    question.verdict.emplace(Verdict::Accept(*std::move(reply)));
  } else if (words.first == "refuse") {
    question.verdict.emplace(Verdict::Refuse(*std::move(reply)));
  } else if (words.first == "drop") {
    question.verdict.emplace(Verdict::Drop(*std::move(reply)));
  } else {
    return Error("bad answer");
  }
  return question;
}

absl::Status Set(absl::string_view text, ServerConfig* config) {
  const std::pair<absl::string_view, absl::string_view> words =
      absl::StrSplit(text, absl::MaxSplits(' ', 1));
  const absl::string_view key = words.first;
  const absl::string_view value = words.second;
  bool good = true;
  if (key == "greeting") {
    config->greeting = std::string(value);
  } else if (key == "require_hello") {
    good = absl::SimpleAtob(value, &config->require_hello);
  } else if (key == "max_message_size") {
    good = absl::SimpleAtoi(value, &config->max_message_size);
  } else if (key == "max_recipients") {
    good = absl::SimpleAtoi(value, &config->max_recipients);
  } else if (key == "max_line") {
    good = absl::SimpleAtoi(value, &config->max_line);
  } else if (key == "max_output") {
    good = absl::SimpleAtoi(value, &config->max_output);
  } else if (key == "max_errors") {
    good = absl::SimpleAtoi(value, &config->max_errors);
  } else if (key == "max_hops") {
    good = absl::SimpleAtoi(value, &config->max_hops);
  } else if (key == "bare_newlines") {
    good = value == "reject" || value == "normalize";
    config->bare_newlines =
        value == "reject" ? BareNewlines::kReject : BareNewlines::kNormalize;
  } else {
    return Error("unknown key");
  }
  return good ? absl::OkStatus() : Error("bad value");
}

class Parser {
 public:
  Parser() {
    transcript_.config.greeting = "mx.example";
    transcript_.config.max_message_size = 1000000;
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
        if (transcript_.end != WireEnd::kOpen) return Error("behind the end");
        absl::StrAppend(&transcript_.wire, text, eol);
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
