// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "recording/transcript.h"

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
#include "engine/grammar/path.h"
#include "engine/grammar/reply.h"
#include "engine/step.h"
#include "recording/config_fields.h"

namespace postern::recording {
namespace {

absl::Status Error(absl::string_view what) {
  return absl::InvalidArgumentError(what);
}

// Returns `text` with its escapes replaced.
absl::StatusOr<std::string> Unescape(absl::string_view text) {
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

// Returns the value of a quoted string with escapes.
absl::StatusOr<std::string> Unquote(absl::string_view text) {
  if (!absl::ConsumePrefix(&text, "\"") || !absl::ConsumeSuffix(&text, "\"")) {
    return Error("no quotes");
  }
  return Unescape(text);
}

// "550 5.1.1 no such user", "550 no such user" or "550 - 5.1.1 no such user".
absl::StatusOr<Reply> ParseReply(absl::string_view text) {
  Reply reply;
  const std::pair<absl::string_view, absl::string_view> code =
      absl::StrSplit(text, absl::MaxSplits(' ', 1));
  if (!absl::SimpleAtoi(code.first, &reply.code)) return Error("bad code");
  const std::pair<absl::string_view, absl::string_view> enhanced =
      absl::StrSplit(code.second, absl::MaxSplits(' ', 1));
  const std::optional<EnhancedCode> shown = ParseEnhancedCode(enhanced.first);
  if (shown) reply.enhanced = *shown;
  reply.text =
      std::string(shown || enhanced.first == kNoEnhancedCode ? enhanced.second
                                                             : code.second);
  return reply;
}

absl::StatusOr<Verdict> ParseAcceptance(absl::string_view answer) {
  Verdict verdict = Verdict::Accept();
  std::optional<Path> path;
  if (absl::ConsumePrefix(&answer, " as ")) {
    std::optional<ParsedPath> parsed = ParsePath(answer, Utf8::kYes);
    if (!parsed) return Error("bad path");
    answer.remove_prefix(parsed->consumed);
    path = std::move(parsed->path);
  }
  if (absl::ConsumePrefix(&answer, " normalized")) {
    verdict = Verdict::AcceptWith(BareNewlines::kNormalize);
  } else if (absl::ConsumePrefix(&answer, " rejecting")) {
    verdict = Verdict::AcceptWith(BareNewlines::kReject);
  }
  if (path) verdict = std::move(verdict).About(*std::move(path));
  if (answer.empty()) return verdict;
  if (!absl::ConsumePrefix(&answer, " ")) return Error("bad answer");
  absl::StatusOr<Reply> reply = ParseReply(answer);
  if (!reply.ok()) return reply.status();
  return std::move(verdict).With(*std::move(reply));
}

absl::StatusOr<Verdict> ParseVerdict(absl::string_view answer) {
  if (absl::ConsumePrefix(&answer, "accept")) return ParseAcceptance(answer);
  const std::pair<absl::string_view, absl::string_view> words =
      absl::StrSplit(answer, absl::MaxSplits(' ', 1));
  if (words.first != "refuse" && words.first != "drop") {
    return Error("bad answer");
  }
  absl::StatusOr<Reply> reply = ParseReply(words.second);
  if (!reply.ok()) return reply.status();
  return words.first == "refuse" ? Verdict::Refuse(*std::move(reply))
                                 : Verdict::Drop(*std::move(reply));
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
    for (absl::string_view part : absl::StrSplit(answer, kBetweenVerdicts)) {
      const absl::StatusOr<std::string> unescaped = Unescape(part);
      if (!unescaped.ok()) return unescaped.status();
      absl::StatusOr<Verdict> verdict = ParseVerdict(*unescaped);
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

// "TLSv1.3 TLS_X CN=client".
absl::StatusOr<TlsInfo> ParseTls(absl::string_view text) {
  const std::vector<std::string> words =
      absl::StrSplit(text, absl::MaxSplits(' ', 2));
  if (words.size() < 2) return Error("bad TLS parameters");
  return TlsInfo{words[0], words[1], words.size() > 2 ? words[2] : ""};
}

bool IsCloseReason(absl::string_view text) {
  for (size_t i = 0; i < kCloseReasons; ++i) {
    if (text == CloseReasonName(static_cast<CloseReason>(i))) return true;
  }
  return false;
}

// The octets of a transcript after all `repeat`.
constexpr size_t kMaxOctets = size_t{64} << 20;

class Parser {
 public:
  Parser() { transcript_.config = TranscriptDefaults(); }

  absl::Status Line(absl::string_view line) {
    if (transcript_.title.empty()) {
      if (!absl::ConsumePrefix(&line, "# ") || line.empty()) {
        return Error("no title");
      }
      transcript_.title = std::string(line);
      return absl::OkStatus();
    }
    if (line.empty() || line[0] == '#') return absl::OkStatus();
    if (complete_) return Error("after the end");
    if (absl::ConsumePrefix(&line, "repeat ")) {
      return absl::SimpleAtoi(line, &times_) && times_ > 0
                 ? absl::OkStatus()
                 : Error("bad number");
    }
    const int times = std::exchange(times_, 1);
    octets_ += (line.size() + 2) * static_cast<size_t>(times);
    if (octets_ > kMaxOctets) return Error("too many octets");
    if (line[0] != 'M') in_message_ = false;
    absl::Status status;
    for (int i = times; i > 0 && status.ok(); --i) status = Event(line);
    return status;
  }

  absl::StatusOr<Transcript> Take() {
    if (transcript_.recorded && !complete_) {
      return Error(
          "the recording is not complete: its last line is not X or B");
    }
    for (const ServerConfig* config : {&transcript_.config, &config_}) {
      const absl::Status valid = config->Validate();
      if (!valid.ok()) return valid;
    }
    return std::move(transcript_);
  }

 private:
  using Kind = Transcript::Event::Kind;

  absl::Status Event(absl::string_view line) {
    if (absl::ConsumePrefix(&line, "set ")) return Set(line);
    if (absl::ConsumePrefix(&line, "@ ")) {
      double seconds = 0;
      return absl::SimpleAtod(line, &seconds) ? absl::OkStatus()
                                              : Error("bad time");
    }
    if (absl::ConsumePrefix(&line, "TLS:")) return Tls(line);
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
        if (transcript_.end != WireEnd::kOpen && !transcript_.recorded) {
          return Error("after the end");
        }
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
        Add({.kind = Kind::kQuestion, .n = transcript_.questions.size()});
        transcript_.questions.push_back(*std::move(question));
        return absl::OkStatus();
      }
      case 'R': {
        Transcript::Event read;
        if (!absl::SimpleAtoi(text, &read.n) || read.n == 0) {
          return Error("bad number");
        }
        Add(std::move(read));
        return absl::OkStatus();
      }
      case 'E':
        return End(WireEnd::kEof);
      case 'T':
        return End(WireEnd::kTimedOut);
      case 'D':
        return End(WireEnd::kShutdown);
      case 'B':
        transcript_.broken = text;
        complete_ = transcript_.recorded;
        return End(WireEnd::kBroken);
      case 'X':
        if (!IsCloseReason(text)) return Error("bad reason");
        transcript_.closed = text;
        complete_ = transcript_.recorded;
        return absl::OkStatus();
      default:
        return Error("no such line");
    }
  }

  absl::Status Set(absl::string_view text) {
    if (text == "recorded true") {
      transcript_.recorded = true;
      return absl::OkStatus();
    }
    if (text == "talked_early true") {
      transcript_.start.talked_early = true;
      return absl::OkStatus();
    }
    if (absl::ConsumePrefix(&text, "tls ")) {
      absl::StatusOr<TlsInfo> tls = ParseTls(text);
      if (!tls.ok()) return tls.status();
      transcript_.start.tls = *std::move(tls);
      return absl::OkStatus();
    }
    if (transcript_.events.empty()) {
      const absl::Status status = SetField(text, &transcript_.config);
      config_ = transcript_.config;
      return status;
    }
    // Fields that change at the same time are one change.
    if (transcript_.events.back().kind != Kind::kConfig) {
      Add({.kind = Kind::kConfig, .n = transcript_.changes.size()});
      transcript_.changes.push_back(config_);
    }
    const absl::Status status = SetField(text, &transcript_.changes.back());
    config_ = transcript_.changes.back();
    return status;
  }

  absl::Status Tls(absl::string_view text) {
    Transcript::Event event;
    event.kind = Kind::kTls;
    if (absl::ConsumePrefix(&text, " ")) {
      absl::StatusOr<TlsInfo> tls = ParseTls(text);
      if (!tls.ok()) return tls.status();
      event.tls = *std::move(tls);
    } else if (!text.empty()) {
      return Error("no such line");
    } else {
      event.tls = DefaultTls();
    }
    transcript_.start.starttls.push_back(event.tls);
    Add(std::move(event));
    transcript_.flights.emplace_back();
    return absl::OkStatus();
  }

  absl::Status End(WireEnd end) {
    transcript_.end = end;
    Add({.kind = Kind::kEnd, .end = end});
    return absl::OkStatus();
  }

  // A transcript that is not recorded has the order of its lines only for
  // people.
  void Add(Transcript::Event event) {
    if (transcript_.recorded) transcript_.events.push_back(std::move(event));
  }

  Transcript transcript_;
  ServerConfig config_ = TranscriptDefaults();  // after the last `set`
  int times_ = 1;
  size_t octets_ = 0;
  bool in_message_ = false;
  bool complete_ = false;
};

}  // namespace

TlsInfo DefaultTls() { return {"TLSv1.3", "TLS_X", "CN=client"}; }

ServerConfig TranscriptDefaults() {
  ServerConfig config;
  config.greeting = "mx.example";
  config.max_message_size = 1000000;
  // Its EHLO shows no others.
  config.extensions = {};
  config.announce_limits = false;
  return config;
}

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

absl::StatusOr<std::string> MakeTest(absl::string_view text,
                                     const Transcript& transcript,
                                     absl::Span<const std::string> messages) {
  if (!transcript.changes.empty()) {
    return absl::FailedPreconditionError(
        "the configuration changes during the session");
  }
  if (transcript.broken == kRecordingIsFull) {
    return absl::FailedPreconditionError(kRecordingIsFull);
  }
  std::string test;
  std::string end;
  bool ended = false;
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    const char kind = line[0];
    if (kind == '@' || kind == 'R' || kind == 'M') continue;
    if (line == "set recorded true" || absl::StartsWith(line, "# ")) {
      if (!test.empty()) continue;  // the first line is the title
    }
    if (ended && kind == 'C') {
      return absl::FailedPreconditionError(
          "the client has sent more after the session was ended");
    }
    ended = ended || line == "E:" || line == "T:" || line == "D:";
    if (kind == 'X' || kind == 'B') {
      absl::StrAppend(&end, line, "\n");
    } else {
      absl::StrAppend(&test, line, "\n");
    }
  }
  for (const std::string& message : messages) {
    absl::string_view rest = message;
    while (!rest.empty()) {
      const size_t size = std::min(rest.find('\n'), rest.size() - 1) + 1;
      AppendLine('M', rest.substr(0, size), "\r\n", &test);
      rest.remove_prefix(size);
    }
    test += "M.\n";
  }
  return test + end;
}

}  // namespace postern::recording
