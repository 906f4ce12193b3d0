// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/grammar/path.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/grammar/ip_address.h"
#include "engine/grammar/octet_set.h"

namespace postern {
namespace {

constexpr size_t kMaxDomain = 255;  // RFC 5321 4.5.3.1.2
constexpr size_t kMaxLabel = 63;    // RFC 1035 2.3.4

constexpr OctetSet kAlphanumeric = OctetSet::Range('0', '9') |
                                   OctetSet::Range('A', 'Z') |
                                   OctetSet::Range('a', 'z');
// RFC 6531 3.3: letters, wherever a letter is allowed. All separators are
// ASCII, so octets can be examined one at a time.
constexpr OctetSet kNonAscii = OctetSet::Range('\x80', '\xff');
// RFC 5322 3.2.3.
constexpr OctetSet kAtext = kAlphanumeric | OctetSet("!#$%&'*+-/=?^_`{|}~");
// Dots may be anywhere: "a..b" and "a." are not Dot-strings, but are in use,
// and FormatPath() quotes them.
constexpr OctetSet kDotString = kAtext | OctetSet(".");
constexpr OctetSet kUtf8DotString = kDotString | kNonAscii;
constexpr OctetSet kLabel = kAlphanumeric | OctetSet("-_");
constexpr OctetSet kUtf8Label = kLabel | kNonAscii;

// The full stops that IDNA treats as dots, RFC 3490 3.1.
bool HoldsIdnaDot(absl::string_view text) {
  return absl::StrContains(text, "\xe3\x80\x82") ||  // U+3002
         absl::StrContains(text, "\xef\xbc\x8e") ||  // U+FF0E
         absl::StrContains(text, "\xef\xbd\xa1");    // U+FF61
}

// Parses a path from left to right. Each Take method removes its element from
// the front of the input, or returns false and leaves the reader unusable. With
// Utf8::kYes the input is UTF-8.
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

  // "@a,@b:", RFC 5321 4.1.2: parsed and ignored (RFC 5321 C).
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
    // Readers of an envelope find the domain after the last '@'. So without a
    // domain there must be no '@', or `"u@elsewhere"` would be taken for local.
    // `""` would be taken for the null path.
    if (!Take('@')) {
      return !path->local_part.empty() &&
             path->local_part.find('@') == std::string::npos;
    }
    return Next('[') ? TakeLiteral(&path->domain) : TakeDomain(&path->domain);
  }

 private:
  absl::string_view rest() const { return text_.substr(at_); }

  // Takes as many octets of the set as possible.
  absl::string_view TakeAll(const OctetSet& set) {
    size_t end = at_;
    while (end < text_.size() && set.Has(text_[end])) ++end;
    const absl::string_view taken(text_.data() + at_, end - at_);
    at_ = end;
    return taken;
  }

  bool TakeDotString(std::string* out) {
    const absl::string_view taken =
        TakeAll(utf8_ == Utf8::kYes ? kUtf8DotString : kDotString);
    out->assign(taken.data(), taken.size());
    return !out->empty();
  }

  bool TakeQuoted(std::string* out) {
    Take('"');
    while (!done() && text_[at_] != '"') {
      // A non-ASCII letter cannot be escaped by a backslash.
      const bool letter = utf8_ == Utf8::kYes && kNonAscii.Has(text_[at_]);
      if (text_[at_] == '\\') ++at_;
      if (done() || !(letter || absl::ascii_isprint(text_[at_]))) return false;
      out->push_back(text_[at_++]);
    }
    return Take('"');  // QcontentSMTP may be empty
  }

  bool TakeDomain(std::string* out) {
    const size_t start = at_;
    do {
      const absl::string_view label =
          TakeAll(utf8_ == Utf8::kYes ? kUtf8Label : kLabel);
      // A dot may be last, but not first, and there is no second one after it.
      if (label.empty() && (at_ == start || Next('.'))) return false;
      // RFC 5321 4.1.2: sub-domain = Let-dig [Ldh-str].
      if (absl::StartsWith(label, "-") || absl::EndsWith(label, "-")) {
        return false;
      }
      // The limit applies to the A-label, whose length is not known here.
      if (label.size() > kMaxLabel && IsAscii(label)) return false;
    } while (Take('.'));
    out->assign(text_.data() + start, at_ - start);
    return out->size() <= kMaxDomain &&
           !(utf8_ == Utf8::kYes && HoldsIdnaDot(*out));
  }

  // RFC 5321 4.1.3. IPv6 is the only tag that was ever registered.
  bool TakeLiteral(std::string* out) {
    const size_t close = rest().find(']');
    if (close == absl::string_view::npos) return false;
    const absl::string_view inside = rest().substr(1, close - 1);
    if (!IpAddress::ParseLiteral(inside)) return false;
    *out = std::string(rest().substr(0, close + 1));
    at_ += close + 1;
    return true;
  }

  absl::string_view text_;
  Utf8 utf8_;
  size_t at_ = 0;
};

bool IsDotString(absl::string_view text) {
  bool dot = true;  // a dot is not allowed here
  for (char c : text) {
    if (c == '.' ? dot : !kUtf8DotString.Has(c)) return false;
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
    utf8 = Utf8::kNo;  // the result is the same for ASCII, at less cost
  } else if (utf8 == Utf8::kYes &&
             (!IsUtf8(text) || ContainsC1Controls(text))) {
    return std::nullopt;
  }
  PathReader reader(text, utf8);
  ParsedPath parsed;
  const bool bracket = reader.Take('<');
  if (bracket && reader.Take('>')) {
    parsed.consumed = reader.consumed();
    return parsed;
  }
  // The sender of qmail's double bounces, which qmail-remote sends. It is not a
  // domain of RFC 5321, and cannot be mistaken for one.
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
