// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/rig/page/html_view.h"

#include <algorithm>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace postern::programs {
namespace {

constexpr absl::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr absl::string_view kCid = "cid:";
// What replaces the beginning of a tag. An element without an end tag is
// replaced by one that has none either. Each name also matches longer names
// (<frameset>), except those with `before_attributes`.
struct Replaced {
  absl::string_view tag;
  absl::string_view by;
  bool before_attributes = false;
};
constexpr Replaced kReplaced[] = {
    // The first of two attributes with one name counts.
    {"<a", "<a target=\"_blank\"", true},
    {"<area", "<area target=\"_blank\"", true},
    {"<link", "<meta"},
    {"<embed", "<wbr"},
    {"<iframe", "<x-iframe"},
    {"</iframe", "</x-iframe"},
    {"<frame", "<x-frame"},
    {"</frame", "</x-frame"},
    {"<fencedframe", "<x-fencedframe"},
    {"</fencedframe", "</x-fencedframe"},
    {"<object", "<x-object"},
    {"</object", "</x-object"},
    {"<portal", "<x-portal"},
    {"</portal", "</x-portal"},
};

const Replaced* FindReplaced(absl::string_view text) {
  for (const Replaced& row : kReplaced) {
    if (!absl::StartsWithIgnoreCase(text, row.tag)) continue;
    if (!row.before_attributes) return &row;
    const absl::string_view next = text.substr(row.tag.size(), 1);
    if (!next.empty() && absl::StrContains(" \t\n\f\r/", next)) return &row;
  }
  return nullptr;
}

// RFC 2045 5.1, without the characters that mean something in a URL or in HTML.
bool IsImageType(absl::string_view type) {
  return absl::ConsumePrefix(&type, "image/") && !type.empty() &&
         std::all_of(type.begin(), type.end(), [](char c) {
           return absl::ascii_isalnum(c) || c == '+' || c == '-' || c == '.';
         });
}

int HexDigit(char c) {
  if (!absl::ascii_isxdigit(c)) return -1;
  return absl::ascii_isdigit(c) ? c - '0' : absl::ascii_tolower(c) - 'a' + 10;
}

// Returns a URL without its percent-encoding (RFC 3986 2.1).
std::string Decoded(absl::string_view url) {
  std::string text;
  for (size_t i = 0; i < url.size(); ++i) {
    if (url[i] == '%' && i + 2 < url.size() && HexDigit(url[i + 1]) >= 0 &&
        HexDigit(url[i + 2]) >= 0) {
      text +=
          static_cast<char>(HexDigit(url[i + 1]) * 16 + HexDigit(url[i + 2]));
      i += 2;
    } else {
      text += url[i];
    }
  }
  return text;
}

// The images of a message by their Content-ID: the first of each.
using Images = std::map<absl::string_view, const rig::MimePart*>;

Images ImagesOf(const rig::Mime& mime) {
  Images images;
  for (const rig::MimePart& part : mime.parts) {
    if (part.content_id.empty() || !IsImageType(part.type)) continue;
    images.emplace(part.content_id, &part);
  }
  return images;
}

}  // namespace

std::optional<std::string> HtmlView(const rig::Mime& mime) {
  const rig::MimePart* const part = mime.Html();
  if (part == nullptr) return std::nullopt;
  absl::string_view rest = part->content;
  std::string html(kByteOrderMark);
  const Images images = ImagesOf(mime);
  size_t octets = 0;  // of images in `html`
  // The text is not parsed: a change in the wrong place would only damage what
  // is shown, because the sandbox does not depend on it. Each octet is read a
  // fixed number of times: the message is hostile.
  while (!rest.empty()) {
    const size_t next = std::min(rest.find_first_of("<cC"), rest.size());
    absl::StrAppend(&html, rest.substr(0, next));
    rest.remove_prefix(next);
    if (const Replaced* const replaced = FindReplaced(rest)) {
      absl::StrAppend(&html, replaced->by);
      rest.remove_prefix(replaced->tag.size());
      continue;
    }
    if (absl::StartsWithIgnoreCase(rest, kCid) &&
        !absl::ascii_isalnum(html.back())) {
      const absl::string_view url =
          rest.substr(0, rest.find_first_of(" \t\r\n\"'()<>"));
      rest.remove_prefix(url.size());
      const auto image = images.find(Decoded(url.substr(kCid.size())));
      const size_t size =
          image == images.end()
              ? 0
              : image->second->type.size() + image->second->content.size();
      if (image == images.end() || size > kMostImages - octets) {
        absl::StrAppend(&html, url);
        continue;
      }
      octets += size;
      absl::StrAppend(&html, "data:", image->second->type, ";base64,",
                      absl::Base64Escape(image->second->content));
      continue;
    }
    if (!rest.empty()) html += rest.front();
    rest.remove_prefix(std::min<size_t>(1, rest.size()));
  }
  return html;
}

}  // namespace postern::programs
