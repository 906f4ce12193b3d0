// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/rig/mailhog_content.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace postern::programs {
namespace {

constexpr int kDeepest = 10;
constexpr int kMostParts = 1000;

// Returns the parameter "boundary" of a Content-Type (RFC 2045 5.1). Empty:
// there is none.
std::string Boundary(absl::string_view type) {
  std::vector<std::string> parameters(1);
  bool quoted = false;
  for (size_t i = 0; i < type.size(); ++i) {
    const char c = type[i];
    if (c == '"') {
      quoted = !quoted;
    } else if (quoted && c == '\\' && i + 1 < type.size()) {
      parameters.back() += type[++i];
    } else if (!quoted && c == ';') {
      parameters.emplace_back();
    } else {
      parameters.back() += c;
    }
  }
  for (const std::string& parameter : parameters) {
    absl::string_view value = absl::StripAsciiWhitespace(parameter);
    if (!absl::StartsWithIgnoreCase(value, "boundary=")) continue;
    value.remove_prefix(value.find('=') + 1);
    return std::string(absl::StripAsciiWhitespace(value));
  }
  return "";
}

absl::string_view TrimLineEnds(absl::string_view text) {
  while (!text.empty() && (text.front() == '\r' || text.front() == '\n')) {
    text.remove_prefix(1);
  }
  while (!text.empty() && (text.back() == '\r' || text.back() == '\n')) {
    text.remove_suffix(1);
  }
  return text;
}

MailHogContent Parse(absl::string_view octets, int depth, int* parts) {
  MailHogContent content;
  content.size = octets.size();
  const size_t end = octets.find("\r\n\r\n");
  if (end == absl::string_view::npos) {
    content.body = std::string(octets);
    return content;
  }
  content.body = std::string(octets.substr(end + 4));
  std::string* last = nullptr;
  for (const absl::string_view line :
       absl::StrSplit(octets.substr(0, end), "\r\n")) {
    if (last != nullptr && !line.empty() &&
        (line[0] == ' ' || line[0] == '\t')) {
      absl::StrAppend(last, line);
      continue;
    }
    const size_t colon = line.find(": ");
    if (colon == absl::string_view::npos) continue;
    last = &content.fields[std::string(line.substr(0, colon))];
    *last = std::string(line.substr(colon + 2));
  }
  const auto type = content.fields.find("Content-Type");
  content.multipart = type != content.fields.end() &&
                      absl::StartsWith(type->second, "multipart/");
  if (!content.multipart || depth == kDeepest) return content;
  const std::string boundary = Boundary(type->second);
  if (boundary.empty()) return content;
  const std::string mark = absl::StrCat("--", boundary);
  absl::string_view rest = content.body;
  size_t at = rest.find(mark);
  while (at != absl::string_view::npos && *parts < kMostParts) {
    rest.remove_prefix(at + mark.size());
    at = rest.find(mark);
    // What is before the first mark and after the last one is no part.
    if (at == absl::string_view::npos || at == 0) continue;
    ++*parts;
    content.parts.push_back(
        Parse(TrimLineEnds(rest.substr(0, at)), depth + 1, parts));
  }
  return content;
}

}  // namespace

MailHogContent ParseMailHogContent(absl::string_view octets) {
  int parts = 0;
  return Parse(octets, 0, &parts);
}

}  // namespace postern::programs
