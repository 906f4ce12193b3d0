// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/header_edit.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/grammar/header_field.h"

namespace postern::delivery {
namespace {

constexpr size_t kMaxName = 128;

bool IsBlank(char c) { return c == ' ' || c == '\t'; }

// RFC 5322 3.6.8: printable ASCII except the colon.
bool IsName(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isgraph(static_cast<unsigned char>(c)) && c != ':';
  });
}

// Returns the name of the field that begins with `line`, or "" if `line` begins
// no field. RFC 5322 4.5: old programs put blanks before the colon.
absl::string_view NameOf(absl::string_view line) {
  const size_t colon = line.find(':');
  if (colon == absl::string_view::npos) return "";
  absl::string_view name = line.substr(0, colon);
  while (!name.empty() && IsBlank(name.back())) name.remove_suffix(1);
  return IsName(name) ? name : "";
}

// Removes the first line of `text` and returns it with its CRLF.
absl::string_view TakeLine(absl::string_view* text) {
  const size_t end = text->find("\r\n");
  const absl::string_view line =
      text->substr(0, end == absl::string_view::npos ? end : end + 2);
  text->remove_prefix(line.size());
  return line;
}

// Returns the fields of a header section, with their continuation lines.
std::vector<absl::string_view> Fields(absl::string_view section) {
  std::vector<absl::string_view> fields;
  while (!section.empty()) {
    const absl::string_view line = TakeLine(&section);
    if (IsBlank(line.front()) && !fields.empty()) {
      absl::string_view& field = fields.back();
      field = absl::string_view(field.data(), field.size() + line.size());
    } else {
      fields.push_back(line);
    }
  }
  return fields;
}

// Appends a line of a field, with its CRLF. Folds it if it is too long. Returns
// false if that is not possible.
bool AppendLine(absl::string_view line, std::string* field) {
  while (line.size() > kMaxHeaderLine) {
    const size_t blank = line.find_last_of(" \t", kMaxHeaderLine);
    // The blank begins the next line. There must be text before it.
    if (blank == absl::string_view::npos ||
        line.find_first_not_of(" \t") >= blank) {
      return false;
    }
    absl::StrAppend(field, line.substr(0, blank), "\r\n");
    line.remove_prefix(blank);
  }
  // A fold can leave a line of blanks, which must not be there.
  if (line.find_first_not_of(" \t") == absl::string_view::npos) return true;
  absl::StrAppend(field, line, "\r\n");
  return true;
}

}  // namespace

std::optional<size_t> HeaderSectionSize(absl::string_view text) {
  absl::string_view rest = text;
  bool in_field = false;
  while (!rest.empty()) {
    const size_t before = text.size() - rest.size();
    const absl::string_view line = TakeLine(&rest);
    if (!absl::EndsWith(line, "\r\n")) return std::nullopt;
    if (line == "\r\n") return before;
    if (in_field && IsBlank(line.front())) continue;
    if (NameOf(line).empty()) return before;
    in_field = true;
  }
  return std::nullopt;
}

std::string EditHeaderSection(absl::string_view section,
                              const HeaderEdits& edits) {
  const std::vector<absl::string_view> fields = Fields(section);
  std::vector<absl::string_view> names;
  names.reserve(fields.size());
  for (const absl::string_view field : fields) names.push_back(NameOf(field));
  // Null: as it is.
  std::vector<const HeaderChange*> changed(fields.size());
  std::string top = edits.add;
  for (const HeaderChange& change : edits.changes) {
    std::vector<size_t> found;
    for (size_t i = 0; i < fields.size(); ++i) {
      if (absl::EqualsIgnoreCase(names[i], change.name)) {
        found.push_back(i);
      }
    }
    const auto count = static_cast<int64_t>(found.size());
    const int64_t n =
        change.which < 0 ? count + change.which : int64_t{change.which} - 1;
    bool applied = false;
    for (int64_t i = 0; i < count; ++i) {
      if (change.which != 0 && i != n) continue;
      changed[found[static_cast<size_t>(i)]] = &change;
      applied = true;
    }
    if (!applied) top += change.replacement;
  }
  std::string edited = std::move(top);
  for (size_t i = 0; i < fields.size(); ++i) {
    absl::StrAppend(&edited, changed[i] == nullptr
                                 ? fields[i]
                                 : absl::string_view(changed[i]->replacement));
  }
  return edited;
}

absl::StatusOr<std::string> MakeHeaderField(absl::string_view name,
                                            absl::string_view value) {
  const auto wrong = [name](absl::string_view why) {
    return absl::InvalidArgumentError(
        absl::StrCat("header field ",
                     absl::CHexEscape(name.substr(0, kMaxName)), ": ", why));
  };
  if (name.size() > kMaxName || !IsName(name)) return wrong("not a name");
  std::string field;
  std::string line = absl::StrCat(name, ": ");
  value = absl::StripAsciiWhitespace(value);
  while (true) {
    const size_t end = value.find_first_of("\r\n");
    for (const char c : value.substr(0, end)) {
      const bool control =
          c != '\t' && absl::ascii_iscntrl(static_cast<unsigned char>(c));
      line.push_back(control ? '?' : c);
    }
    if (!AppendLine(line, &field)) return wrong("a line is too long");
    if (end == absl::string_view::npos) break;
    value.remove_prefix(end + 1);
    line.clear();
    if (!value.empty() && !IsBlank(value.front())) line.push_back('\t');
  }
  return field;
}

}  // namespace postern::delivery
