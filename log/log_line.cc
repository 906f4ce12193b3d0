// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "log/log_line.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "engine/grammar/ip_address.h"
#include "engine/grammar/octet_set.h"
#include "engine/grammar/reply.h"
#include "engine/grammar/utf8.h"

namespace postern::log {
namespace {

// Most lines are shorter, so one allocation holds them.
constexpr size_t kUsualLine = 384;

// The octets that are written unchanged.
constexpr OctetSet kPrintable = OctetSet::Range(' ', '~');
constexpr OctetSet kPlainText = kPrintable - OctetSet(" \"\\<>=");
constexpr OctetSet kPlainSentence = kPrintable - OctetSet("\"\\=");
constexpr OctetSet kPlainJson = kPrintable - OctetSet("\"\\");

void AppendNumber(uint64_t number, std::string* out) {
  const absl::AlphaNum digits(number);
  out->append(digits.data(), digits.size());
}

absl::Hex TwoDigits(char c) {
  return absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad2);
}

// Appends a UTF-16 code unit as a JSON escape (RFC 8259 7).
void AppendUnit(uint32_t unit, std::string* out) {
  absl::StrAppend(out, "\\u", absl::Hex(unit, absl::kZeroPad4));
}

// Appends the first character of `text` to a JSON string. Returns the number of
// its bytes.
size_t AppendJsonCharacter(absl::string_view text, std::string* out) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead == '"') {
    out->append("\\\"");
  } else if (lead == '\\') {
    out->append("\\\\x5c");
  } else if (lead < 0x80) {
    AppendUnit(lead, out);
  } else {
    const size_t size = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    const absl::string_view character = text.substr(0, size);
    // IsUtf8() rejects all malformed sequences, so the code below may trust the
    // lead byte.
    if (!IsUtf8(character)) {
      absl::StrAppend(out, "\\\\x", TwoDigits(text[0]));
      return 1;
    }
    uint32_t code = lead & (0x7fu >> size);
    for (char c : character.substr(1)) {
      code = code << 6 | (static_cast<unsigned char>(c) & 0x3fu);
    }
    if (code < 0x10000) {
      AppendUnit(code, out);
    } else {
      code -= 0x10000;
      AppendUnit(0xd800 | code >> 10, out);
      AppendUnit(0xdc00 | (code & 0x3ff), out);
    }
    return size;
  }
  return 1;
}

// Appends `text` in at most `limit` bytes. Escapes the octets that are not
// `plain`.
void AppendEscaped(absl::string_view text, bool json, const OctetSet& plain,
                   size_t limit, std::string* out) {
  const absl::string_view cut = json ? "\\\\..." : "\\...";
  const size_t room = limit - cut.size();  // for what precedes `cut`
  const size_t begin = out->size();
  size_t size = 0;   // of the text appended
  size_t whole = 0;  // the part of it that `cut` may follow
  while (!text.empty()) {
    size_t run = 0;
    while (run < text.size() && plain.Has(text[run])) {
      ++run;
    }
    if (run > 0) {
      // Plain octets are characters of their own, so the text may be cut at
      // any.
      const size_t fit =
          run <= limit - size ? run : std::max(room, size) - size;
      out->append(text.data(), fit);
      if (size <= room) whole = std::min(size + fit, room);
      size += run;
      text.remove_prefix(run);
    } else {
      if (json) {
        text.remove_prefix(AppendJsonCharacter(text, out));
      } else {
        absl::StrAppend(out, "\\x", TwoDigits(text[0]));
        text.remove_prefix(1);
      }
      size = out->size() - begin;
      if (size <= room) whole = size;
    }
    if (size > limit) {
      out->resize(begin + whole);
      out->append(cut.data(), cut.size());
      return;
    }
  }
}

// Appends the session and the message id. `session` and `id` precede the
// values, `end` follows each.
void AppendSubject(const LogSubject& subject, absl::string_view session,
                   absl::string_view id, absl::string_view end,
                   std::string* out) {
  if (subject.session.empty()) return;
  out->append(session.data(), session.size());
  out->append(subject.session.data(), subject.session.size());
  out->append(end.data(), end.size());
  if (subject.message == 0) return;
  out->append(id.data(), id.size());
  out->append(subject.session.data(), subject.session.size());
  out->push_back('-');
  AppendNumber(static_cast<uint64_t>(subject.message), out);
  out->append(end.data(), end.size());
}

}  // namespace

LogStyle::LogStyle(LogFormat format, absl::string_view program, int64_t pid)
    : format_(format) {
  if (format == LogFormat::kJson) {
    head_ = ",\"program\":\"";
    AppendEscaped(program, true, kPlainJson, kMaxLoggedProgram, &head_);
    absl::StrAppend(&head_, "\",\"pid\":", pid);
  } else {
    AppendEscaped(program, false, kPlainText, kMaxLoggedProgram, &head_);
    absl::StrAppend(&head_, ": pid=", pid, " ");
  }
}

std::string MessageId(const LogSubject& subject) {
  return absl::StrCat(subject.session, "-", subject.message);
}

LogLine::LogLine(absl::string_view event, const LogStyle& style,
                 const LogSubject& subject)
    : format_(style.format()) {
  text_.reserve(kUsualLine);
  if (json()) {
    absl::StrAppend(&text_, "{\"event\":\"", event, "\"", style.head());
    AppendSubject(subject, ",\"session\":\"", ",\"id\":\"", "\"", &text_);
  } else {
    absl::StrAppend(&text_, style.head());
    AppendSubject(subject, "session=", "id=", " ", &text_);
    text_.append(event.data(), event.size());
  }
}

LogLine LogLine::Fields(const LogStyle& style) {
  return LogLine(style.format());
}

LogLine& LogLine::Add(const LogLine& fields) {
  text_.append(fields.text_);
  return *this;
}

void LogLine::Key(absl::string_view key) {
  // StrAppend() would first fill the new bytes with zeros.
  text_.append(json() ? ",\"" : " ");
  text_.append(key.data(), key.size());
  text_.append(json() ? "\":" : "=");
}

LogLine& LogLine::Word(absl::string_view key, absl::string_view word) {
  Key(key);
  if (json()) text_.push_back('"');
  text_.append(word.data(), word.size());
  if (json()) text_.push_back('"');
  return *this;
}

LogLine& LogLine::Text(absl::string_view key, absl::string_view text,
                       size_t limit) {
  Key(key);
  const bool quoted = json() || text.empty();
  if (quoted) text_.push_back('"');
  AppendEscaped(text, json(), json() ? kPlainJson : kPlainText, limit, &text_);
  if (quoted) text_.push_back('"');
  return *this;
}

LogLine& LogLine::Sentence(absl::string_view key, absl::string_view text,
                           size_t limit) {
  if (json()) return Text(key, text, limit);
  Key(key);
  const size_t begin = text_.size();
  AppendEscaped(text, /*json=*/false, kPlainSentence, limit, &text_);
  if (begin == text_.size() ||
      text_.find_first_of(" <", begin) != std::string::npos) {
    text_.insert(begin, 1, '"');
    text_.push_back('"');
  }
  return *this;
}

LogLine& LogLine::Address(absl::string_view key, const Path& path,
                          size_t limit) {
  Key(key);
  text_.push_back(json() ? '"' : '<');
  AppendEscaped(path.Address(), json(), json() ? kPlainJson : kPlainText, limit,
                &text_);
  text_.push_back(json() ? '"' : '>');
  return *this;
}

LogLine& LogLine::Ip(absl::string_view key,
                     const std::optional<IpAddress>& address) {
  return Text(key, ToString(address), kMaxLoggedName);
}

LogLine& LogLine::Endpoint(absl::string_view key,
                           const std::optional<IpAddress>& address,
                           uint16_t port) {
  if (!address) return *this;
  Key(key);
  if (json()) text_.push_back('"');
  absl::StrAppend(&text_, address->v4() ? "" : "[", address->ToString(),
                  address->v4() ? ":" : "]:", port);
  if (json()) text_.push_back('"');
  return *this;
}

LogLine& LogLine::Answer(absl::string_view key, const Reply& reply) {
  std::string text;
  text.reserve(sizeof("250 2.100.100 ") + reply.text.size());
  AppendNumber(static_cast<uint64_t>(reply.code), &text);
  if (reply.enhanced.class_ != 0) {
    text.push_back(' ');
    char code[kMaxEnhancedCode];
    text.append(code, WriteEnhancedCode(reply.enhanced, code));
  }
  text.push_back(' ');
  text.append(reply.text);
  return Sentence(key, text, kMaxLoggedText);
}

LogLine& LogLine::Number(absl::string_view key, uint64_t number) {
  Key(key);
  AppendNumber(number, &text_);
  return *this;
}

LogLine& LogLine::Fraction(absl::string_view key, uint64_t number,
                           uint64_t asked) {
  Number(key, number);
  if (number == asked) return *this;
  if (json()) return Number(absl::StrCat(key, "-asked"), asked);
  absl::StrAppend(&text_, "/", asked);
  return *this;
}

LogLine& LogLine::Seconds(absl::string_view key, absl::Duration duration) {
  Key(key);
  absl::StrAppendFormat(&text_, "%.3f", absl::ToDoubleSeconds(duration));
  return *this;
}

LogLine& LogLine::Words(absl::string_view key,
                        absl::Span<const absl::string_view> words) {
  Key(key);
  if (json()) {
    absl::StrAppend(&text_, "[\"", absl::StrJoin(words, "\",\""), "\"]");
  } else {
    absl::StrAppend(&text_, absl::StrJoin(words, ","));
  }
  return *this;
}

std::string LogLine::End() {
  if (json()) text_.push_back('}');
  return std::move(text_);
}

std::string SentenceLine(absl::string_view event, absl::string_view text,
                         const LogStyle& style, const LogSubject& subject) {
  if (style.format() == LogFormat::kJson) {
    return LogLine(event.empty() ? "notice" : event, style, subject)
        .Text("text", text, kNoLogLimit)
        .End();
  }
  std::string out = LogLine(event, style, subject).End();
  if (!event.empty()) out.append(": ");
  for (char c : text) {
    if (c == '=' && !out.empty() && out.back() != ' ') {
      out.append("\\x3d");
    } else {
      out.push_back(c >= ' ' && c <= '~' ? c : '?');
    }
  }
  return out;
}

}  // namespace postern::log
