// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/control/control_file.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "files/content.h"

namespace postern::policy {
namespace {

absl::StatusOr<std::optional<std::string>> ReadFile(absl::string_view path) {
  absl::StatusOr<files::Content> content =
      files::ReadContent(path, kMaxControlFile);
  if (absl::IsNotFound(content.status())) return std::nullopt;
  if (!content.ok()) return content.status();
  return std::move(content->bytes);
}

// Removes one line from `text`, and returns it without its '\n' and without
// trailing spaces and tabs.
absl::string_view TakeLine(absl::string_view* text) {
  const size_t end = text->find('\n');
  absl::string_view line = text->substr(0, end);
  text->remove_prefix(end == absl::string_view::npos ? text->size() : end + 1);
  while (!line.empty() && (line.back() == ' ' || line.back() == '\t')) {
    line.remove_suffix(1);
  }
  return line;
}

}  // namespace

absl::StatusOr<std::optional<std::string>> ReadControlValue(
    absl::string_view path, std::vector<std::string>* warnings) {
  const absl::StatusOr<std::optional<std::string>> content = ReadFile(path);
  if (!content.ok()) return content.status();
  if (!content->has_value()) return std::nullopt;
  absl::string_view text = **content;
  const absl::string_view value = TakeLine(&text);
  if (value.find('\r') != absl::string_view::npos) {
    warnings->push_back(FormatWarning(
        path, 1, "the value contains a carriage return, which is part of it"));
  }
  return std::string(value);
}

absl::StatusOr<uint64_t> ReadControlNumber(absl::string_view path,
                                           uint64_t missing,
                                           std::vector<std::string>* warnings) {
  std::vector<std::string> ignored;  // a CR counts as text after the number
  const absl::StatusOr<std::optional<std::string>> value =
      ReadControlValue(path, &ignored);
  if (!value.ok()) return value.status();
  if (!value->has_value()) return missing;
  absl::string_view rest = **value;
  const std::optional<uint64_t> number = TakeNumber(&rest);
  if (!number) {
    warnings->push_back(FormatWarning(
        path, 1,
        absl::StrCat("the value does not begin with a digit and counts as ",
                     missing)));
    return missing;
  }
  if (!rest.empty()) {
    warnings->push_back(FormatWarning(
        path, 1,
        absl::StrCat("the text after the number ", *number, " is ignored")));
  }
  return *number;
}

absl::StatusOr<std::optional<std::vector<Line>>> ReadControlList(
    absl::string_view path, std::vector<std::string>* warnings) {
  const absl::StatusOr<std::optional<std::string>> content = ReadFile(path);
  if (!content.ok()) return content.status();
  if (!content->has_value()) return std::nullopt;
  Mistake carriage_return(
      "the entry ends in a carriage return, which is part of it");
  Mistake leading_space(
      "the entry begins with white space, which is part of it");
  std::vector<Line> lines;
  absl::string_view rest = **content;
  lines.reserve(
      static_cast<size_t>(std::count(rest.begin(), rest.end(), '\n')) + 1);
  for (int number = 1; !rest.empty(); ++number) {
    const absl::string_view line = TakeLine(&rest);
    if (line.empty() || line[0] == '#') continue;
    if (line.back() == '\r') carriage_return.Add(number);
    if (line[0] == ' ' || line[0] == '\t') leading_space.Add(number);
    lines.push_back({std::string(line), number});
  }
  carriage_return.Report(path, warnings);
  leading_space.Report(path, warnings);
  return lines;
}

std::optional<uint64_t> TakeNumber(absl::string_view* text) {
  if (text->empty() || !absl::ascii_isdigit(text->front())) return std::nullopt;
  constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();
  uint64_t value = 0;
  while (!text->empty() && absl::ascii_isdigit(text->front())) {
    const uint64_t digit = static_cast<uint64_t>(text->front() - '0');
    value = value > (kMax - digit) / 10 ? kMax : 10 * value + digit;
    text->remove_prefix(1);
  }
  return value;
}

void Mistake::Report(absl::string_view path,
                     std::vector<std::string>* warnings) const {
  if (lines_ == 0) return;
  warnings->push_back(FormatWarning(path, first_, what_, lines_));
}

void KeyMistake::Report(absl::string_view path, absl::string_view kind,
                        absl::string_view what,
                        std::vector<std::string>* warnings) const {
  if (keys_ == 0) return;
  std::string more;
  if (keys_ > 1) more = absl::StrCat(" (and ", keys_ - 1, " more like it)");
  // The key has no quotes, because the log must show a blank before an '='.
  const std::string key = first_.empty() ? "\"\"" : absl::CHexEscape(first_);
  warnings->push_back(
      absl::StrCat(path, ": ", kind, " ", key, ": ", what, more, "."));
}

std::string FormatWarning(absl::string_view path, int line,
                          absl::string_view what, int lines) {
  std::string more;
  if (lines > 1) more = absl::StrCat(" (and ", lines - 1, " more like it)");
  return absl::StrCat(path, ":", line, ": ", what, more, ".");
}

}  // namespace postern::policy
