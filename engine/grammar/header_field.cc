// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/grammar/header_field.h"

#include <algorithm>

#include "absl/strings/ascii.h"

namespace postern {
namespace {

bool IsBlank(char c) { return c == ' ' || c == '\t'; }

// RFC 5322 3.6.8: printable ASCII except the colon.
bool IsName(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isgraph(static_cast<unsigned char>(c)) && c != ':';
  });
}

}  // namespace

bool IsHeader(absl::string_view text) {
  bool in_field = false;
  while (!text.empty()) {
    const size_t end = text.find("\r\n");
    if (end == absl::string_view::npos || end > kMaxHeaderLine) return false;
    const absl::string_view line = text.substr(0, end);
    text.remove_prefix(end + 2);
    if (std::any_of(line.begin(), line.end(), [](char c) {
          return c != '\t' &&
                 absl::ascii_iscntrl(static_cast<unsigned char>(c));
        })) {
      return false;
    }
    if (!line.empty() && IsBlank(line.front())) {
      // A line of blanks looks like the end of the header section.
      if (!in_field || std::all_of(line.begin(), line.end(), IsBlank)) {
        return false;
      }
      continue;
    }
    const size_t colon = line.find(':');
    if (colon == absl::string_view::npos || !IsName(line.substr(0, colon))) {
      return false;
    }
    in_field = true;
  }
  return in_field;
}

std::vector<absl::string_view> SplitHeader(absl::string_view text) {
  std::vector<absl::string_view> fields;
  while (!text.empty()) {
    size_t end = 0;  // of the line, then of the field
    do {
      end = text.find("\r\n", end) + 2;
    } while (end < text.size() && IsBlank(text[end]));
    fields.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return fields;
}

}  // namespace postern
