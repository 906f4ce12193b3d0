// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/path.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/ip_address.h"

namespace postern {
namespace {

constexpr size_t kMaxDomain = 255;  // RFC 5321 4.5.3.1.2
constexpr size_t kMaxLabel = 63;  // RFC 1035 2.3.4; a U-label's A-label has it

bool IsNonAscii(char c) { return static_cast<unsigned char>(c) >= 0x80; }

// RFC 5322 3.2.3.
bool IsAtext(char c) {
  return absl::ascii_isalnum(c) ||
         absl::string_view("!#$%&'*+-/=?^_`{|}~").find(c) !=
             absl::string_view::npos;
}

// The full stops that are dots to IDNA, RFC 3490 3.1.
bool HoldsIdnaDot(absl::string_view text) {
  return absl::StrContains(text, "\xe3\x80\x82") ||  // U+3002
         absl::StrContains(text, "\xef\xbc\x8e") ||  // U+FF0E
         absl::StrContains(text, "\xef\xbd\xa1");    // U+FF61
}

// Reads a path from left to right. Each method takes what it names from the
// front of the input, or returns false and leaves the reader unusable. With
// Utf8::kYes the input is UTF-8, and since all that separates is ASCII, so is
// each part.
class PathReader {
 public:
  PathReader(absl::string_view text, Utf8 utf8) : text_(text), utf8_(utf8) {}

  size_t consumed() const { return at_; }
  bool done() const { return at_ == text_.size(); }
  bool Next(char c) const { return !done() && text_[at_] == c; }
  bool Take(char c) {
    if (!Next(c)) return false;
    ++at_;
    return true;
  }

  // "@a,@b:", RFC 5321 4.1.2: read, and of no further use (RFC 5321 C).
  bool TakeSourceRoute() {
    do {
      std::string ignored;
      if (!Take('@') || !TakeDomain(&ignored)) return false;
    } while (Take(','));
    return Take(':');
  }

  bool TakeMailbox(Path* path) {
    const bool quoted = Next('"');
    if (!(quoted ? TakeQuoted(&path->local_part)
                 : TakeDotString(&path->local_part))) {
      return false;
    }
    // Whoever reads the envelope finds the domain behind the last '@': without
    // a domain there must be none, or `"u@elsewhere"` would pass for local.
    if (!Take('@')) {
      return path->local_part.find('@') == std::string::npos;
    }
    return Next('[') ? TakeLiteral(&path->domain) : TakeDomain(&path->domain);
  }

 private:
  absl::string_view rest() const { return text_.substr(at_); }

  // RFC 6531 3.3: a letter wherever letters may stand.
  bool NextIsUtf8() const {
    return utf8_ == Utf8::kYes && IsNonAscii(text_[at_]);
  }

  // Dots may stand anywhere: "a..b" and "a." are not Dot-strings, but in use,
  // and FormatPath() quotes them.
  bool TakeDotString(std::string* out) {
    const size_t start = at_;
    while (!done() &&
           (IsAtext(text_[at_]) || text_[at_] == '.' || NextIsUtf8())) {
      ++at_;
    }
    *out = std::string(text_.substr(start, at_ - start));
    return !out->empty();
  }

  bool TakeQuoted(std::string* out) {
    Take('"');
    while (!done() && text_[at_] != '"') {
      const bool letter = NextIsUtf8();  // no quoted-pair makes one
      if (text_[at_] == '\\') ++at_;
      if (done() || !(letter || absl::ascii_isprint(text_[at_]))) return false;
      out->push_back(text_[at_++]);
    }
    return Take('"') && !out->empty();
  }

  bool TakeDomain(std::string* out) {
    const size_t start = at_;
    size_t label = 0;
    bool ascii = true;  // an A-label, or one of a DNS without IDNA
    for (; !done(); ++at_) {
      const char c = text_[at_];
      if (c == '.') {
        if (label == 0 || (ascii && label > kMaxLabel)) return false;
        label = 0;
        ascii = true;
      } else if (absl::ascii_isalnum(c) || c == '-' || c == '_') {
        ++label;
      } else if (NextIsUtf8()) {
        ++label;
        ascii = false;
      } else {
        break;
      }
    }
    *out = std::string(text_.substr(start, at_ - start));
    return !out->empty() && out->size() <= kMaxDomain &&
           !(ascii && label > kMaxLabel) &&
           !(utf8_ == Utf8::kYes && HoldsIdnaDot(*out));
  }

  // RFC 5321 4.1.3. Of the tagged literals only IPv6 has ever been registered.
  bool TakeLiteral(std::string* out) {
    const size_t close = rest().find(']');
    if (close == absl::string_view::npos) return false;
    const absl::string_view inside = rest().substr(1, close - 1);
    constexpr absl::string_view kTag = "IPv6:";
    const bool tagged =
        absl::EqualsIgnoreCase(inside.substr(0, kTag.size()), kTag);
    if (!(tagged ? IsIpv6(inside.substr(kTag.size())) : IsIpv4(inside))) {
      return false;
    }
    *out = std::string(rest().substr(0, close + 1));
    at_ += close + 1;
    return true;
  }

  absl::string_view text_;
  Utf8 utf8_;
  size_t at_ = 0;
};

bool IsDotString(absl::string_view text) {
  bool dot = true;  // a dot may not come here
  for (char c : text) {
    if (c == '.' ? dot : !(IsAtext(c) || IsNonAscii(c))) return false;
    dot = c == '.';
  }
  return !dot;
}

}  // namespace

size_t Path::size() const {
  return local_part.size() + (domain.empty() ? 0 : 1 + domain.size());
}

std::string Path::Address() const {
  if (domain.empty()) return local_part;
  return absl::StrCat(local_part, "@", domain);
}

std::optional<ParsedPath> ParsePath(absl::string_view text, Utf8 utf8) {
  if (IsAscii(text)) {
    utf8 = Utf8::kNo;  // alike for ASCII, and for less
  } else if (utf8 == Utf8::kYes && (!IsUtf8(text) || HoldsC1(text))) {
    return std::nullopt;
  }
  PathReader reader(text, utf8);
  ParsedPath parsed;
  const bool bracket = reader.Take('<');
  if (bracket && reader.Take('>')) {
    parsed.consumed = reader.consumed();
    return parsed;
  }
  // The sender of qmail's double bounces, which its own qmail-remote sends. No
  // domain by RFC 5321, and nothing that could be taken for one.
  constexpr absl::string_view kDoubleBounce = "<#@[]>";
  if (absl::StartsWith(text, kDoubleBounce)) {
    return ParsedPath{{"#", "[]"}, kDoubleBounce.size()};
  }
  if (bracket && reader.Next('@') && !reader.TakeSourceRoute()) {
    return std::nullopt;
  }
  if (!reader.TakeMailbox(&parsed.path)) return std::nullopt;
  if (bracket ? !reader.Take('>') : !(reader.done() || reader.Next(' '))) {
    return std::nullopt;
  }
  if (parsed.path.size() > kMaxPath) return std::nullopt;
  parsed.consumed = reader.consumed();
  return parsed;
}

std::string FormatPath(const Path& path) {
  if (path.null()) return "<>";
  std::string out = "<";
  if (IsDotString(path.local_part)) {
    out += path.local_part;
  } else {
    out += '"';
    for (char c : path.local_part) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    out += '"';
  }
  if (!path.domain.empty()) absl::StrAppend(&out, "@", path.domain);
  out += '>';
  return out;
}

}  // namespace postern
