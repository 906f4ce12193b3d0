// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/migrate/shell_expansion.h"

#include <algorithm>
#include <cstddef>

#include "absl/cleanup/cleanup.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "programs/migrate/shell_lexer.h"

namespace postern::programs::migrate::shell {
namespace {

constexpr size_t npos = absl::string_view::npos;
// A variable that doubles itself grows exponentially.
constexpr size_t kMaxValue = size_t{1} << 16;
constexpr int kMaxNesting = 64;  // of substitutions and quotes
constexpr size_t kMaxShown = 60;

}  // namespace

std::vector<Word> Expansion::Expand(absl::string_view text, int line) {
  std::vector<Word> words;
  bool open = false;
  ExpandInto(text, line, false, Split::kYes, &words, &open);
  return words;
}

Word Expansion::ExpandOne(absl::string_view text, int line) {
  std::vector<Word> words = {{.place = {name_, line}}};
  bool open = true;
  ExpandInto(text, line, false, Split::kNo, &words, &open);
  Word whole = std::move(words[0]);
  whole.place = {name_, line};
  return whole;
}

// Answers the command of $(...) or `...`.
Word Expansion::Substitute(absl::string_view command, int line) {
  Word result = {.text = absl::StrCat("$(", command, ")"),
                 .place = {name_, line}};
  if (!AssignedInside(command).empty()) {
    result.unknown = "the command is not executed";
    return result;
  }
  std::vector<Word> words;
  for (size_t i = 0; i < command.size();) {
    if (absl::ascii_isspace(command[i])) {
      ++i;
      continue;
    }
    const size_t end = SkipWord(command, i);
    if (end == npos || end == i) {
      // An operator: more than one command, or a redirection.
      absl::string_view rest =
          absl::StripTrailingAsciiWhitespace(command.substr(i));
      if (!words.empty() && words.back().text == "2" && command[i - 1] == '2' &&
          (rest == ">/dev/null" || rest == "> /dev/null")) {
        words.pop_back();
        break;
      }
      result.unknown = "the command is not executed";
      return result;
    }
    for (Word& word : Expand(command.substr(i, end - i), line)) {
      if (!word.known()) {
        result.unknown = word.unknown;
        return result;
      }
      words.push_back(std::move(word));
    }
    i = end;
  }
  const absl::string_view program =
      words.empty() ? absl::string_view() : BaseName(words[0].text);
  const auto argument = [&words](size_t i) {
    return i < words.size() ? absl::string_view(words[i].text)
                            : absl::string_view();
  };
  if (!words.empty() && state_.functions.count(words[0].text) != 0) {
    result.unknown = "functions are not read";
    return result;
  }
  if (program == "id" && words.size() == 3 &&
      (argument(1) == "-u" || argument(1) == "-g")) {
    result.id = argument(1)[1];
    result.user = words[2].text;
    result.text = absl::StrCat("$(id ", argument(1), " ", argument(2), ")");
    return result;
  }
  absl::string_view path;
  bool first_line = false;
  if (program == "cat" && words.size() == 2) {
    path = argument(1);
  } else if (program == "head" && words.size() == 3 &&
             (argument(1) == "-1" || argument(1) == "-n1")) {
    path = argument(2);
    first_line = true;
  } else if (program == "head" && words.size() == 4 && argument(1) == "-n" &&
             argument(2) == "1") {
    path = argument(3);
    first_line = true;
  }
  const std::string found = PathFrom(state_.directory, path);
  if (found.empty()) {
    result.unknown = "the command is not executed";
    return result;
  }
  absl::StatusOr<std::string> content = files_.Read(found);
  if (!content.ok()) {
    result.unknown = absl::StrCat(path, " cannot be read");
    return result;
  }
  if (first_line)
    content->resize(std::min(content->find('\n'), content->size()));
  while (absl::EndsWith(*content, "\n")) content->pop_back();
  if (content->size() > kMaxValue || absl::StrContains(*content, '\0')) {
    result.unknown = absl::StrCat(path, " has no value of this size");
    return result;
  }
  result.text = *std::move(content);
  return result;
}

// Answers ${...}.
Word Expansion::ExpandBraces(absl::string_view inside, int line) {
  const absl::string_view name = LeadingName(inside);
  absl::string_view rest = inside.substr(name.size());
  Word value = state_.ValueOf(name, {name_, line});
  if (IsName(name) && rest.empty()) return value;
  Word unknown = {.text = absl::StrCat("${", inside, "}"),
                  .unknown = "this expansion is not read",
                  .place = {name_, line}};
  if (!IsName(name)) return unknown;
  const bool or_empty = absl::ConsumePrefix(&rest, ":");
  const bool assigns = absl::StartsWith(rest, "=");
  if (!absl::ConsumePrefix(&rest, "-") && !absl::ConsumePrefix(&rest, "=")) {
    return unknown;
  }
  // Without the environment of the service, the default may not apply.
  if (!value.known()) {
    if (assigns) state_.Forget(name, {name_, line}, value.unknown, false);
    return value;
  }
  if (!or_empty || !value.text.empty()) return value;
  value = ExpandOne(rest, line);
  if (assigns) state_.Set(name, value);
  return value;
}

// Appends `part` to the last word, or begins one. If it is not quoted, blanks
// divide it into words.
void Expansion::Append(const Word& part, bool quoted, std::vector<Word>* words,
                       bool* open) const {
  const auto begin = [&] {
    if (*open) return;
    words->push_back({.place = part.place});
    *open = true;
  };
  if (quoted || !part.known() || part.id != 0) {
    begin();
    Word& word = words->back();
    if (part.id != 0 || word.id != 0) {
      if (word.text.empty() && word.known() && word.id == 0) {
        word = part;
        return;
      }
      if (part.text.empty() && part.known()) return;
      word.unknown = "the number of a user is a part of a word";
      word.id = 0;
    }
    absl::StrAppend(&word.text, part.text);
    if (word.known()) word.unknown = part.unknown;
    if (word.text.size() > kMaxValue) {
      word.text.resize(kMaxValue);
      word.unknown = "the value is too long";
    }
    return;
  }
  // What divides the words, and the names of files that replace a pattern.
  Word changed = part;
  if (!part.text.empty() && state_.variables.count("IFS") != 0) {
    changed.unknown = "the script sets IFS";
  } else if (part.text.find_first_of("*?[\\") != std::string::npos) {
    changed.unknown = "patterns of file names are not expanded";
  }
  if (!changed.known()) return Append(changed, true, words, open);
  const auto divides = [&part](size_t i) {
    return part.text[i] == ' ' || part.text[i] == '\t' || part.text[i] == '\n';
  };
  for (size_t i = 0; i < part.text.size();) {
    if (divides(i)) {
      *open = false;
      ++i;
      continue;
    }
    size_t end = i;
    while (end < part.text.size() && !divides(end)) ++end;
    Append({.text = part.text.substr(i, end - i), .place = part.place}, true,
           words, open);
    i = end;
  }
}

void Expansion::ExpandInto(absl::string_view text, int line, bool quoted,
                           Split split, std::vector<Word>* words, bool* open) {
  const Place place = {name_, line};
  if (depth_ >= kMaxNesting) {
    return Append({.text = std::string(text.substr(0, kMaxShown)),
                   .unknown = "the expansions are nested too deeply",
                   .place = place},
                  true, words, open);
  }
  ++depth_;
  const auto leave = absl::MakeCleanup([this] { --depth_; });
  const bool whole = quoted || split == Split::kNo;
  const auto literal = [&](absl::string_view part) {
    Append({.text = std::string(part), .place = place}, true, words, open);
  };
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (c == '\\') {
      const char next = i + 1 < text.size() ? text[i + 1] : '\\';
      if (next == '\n') {
        // The line continues.
      } else if (!quoted || absl::string_view("$`\"\\").find(next) != npos) {
        literal(absl::string_view(&next, 1));
      } else {
        literal(text.substr(i, 2));
      }
      i += 2;
    } else if (c == '\'' && !quoted) {
      const size_t end = SkipQuote(text, i);
      if (end == npos) break;
      literal(text.substr(i + 1, end - i - 2));
      i = end;
    } else if (c == '"' && !quoted) {
      const size_t end = SkipDoubleQuote(text, i);
      if (end == npos) break;
      literal("");
      ExpandInto(text.substr(i + 1, end - i - 2), line, true, split, words,
                 open);
      i = end;
    } else if (c == '`') {
      const size_t end = SkipBackquote(text, i);
      if (end == npos) break;
      const absl::string_view command = text.substr(i + 1, end - i - 2);
      Word result = {.text = absl::StrCat("`", command, "`"),
                     .unknown = "the command is not executed",
                     .place = place};
      // A backslash quotes twice here.
      if (!absl::StrContains(command, '\\')) result = Substitute(command, line);
      Append(result, whole, words, open);
      i = end;
    } else if (c == '$' && i + 1 < text.size() &&
               (text[i + 1] == '(' || text[i + 1] == '{')) {
      const size_t end = SkipDollar(text, i);
      if (end == npos) break;
      const absl::string_view inside = text.substr(i + 2, end - i - 3);
      Append(text[i + 1] == '(' ? Substitute(inside, line)
                                : ExpandBraces(inside, line),
             whole, words, open);
      i = end;
    } else if (c == '$' && i + 1 < text.size()) {
      const absl::string_view name = LeadingName(text.substr(i + 1));
      size_t end = i + 1 + name.size();
      if (IsName(name)) {
        Append(state_.ValueOf(name, place), whole, words, open);
      } else {
        end = std::max(end, i + 2);
        Append({.text = std::string(text.substr(i, end - i)),
                .unknown = "parameters of the script are not known",
                .place = place},
               whole, words, open);
      }
      i = end;
    } else if (!whole && (c == '*' || c == '?' || c == '[')) {
      // A lone '[' is a command. Otherwise the names of files replace it.
      if (text == "[" || text == "[[") {
        literal(text);
        return;
      }
      Append({.text = std::string(1, c),
              .unknown = "patterns of file names are not expanded",
              .place = place},
             true, words, open);
      ++i;
    } else if (!whole && bash_ && c == '{' && text.size() > 1) {
      Append(
          {.text = "{", .unknown = "braces are not expanded", .place = place},
          true, words, open);
      ++i;
    } else if (!quoted && c == '~' &&
               (i == 0 || (split == Split::kNo && text[i - 1] == ':'))) {
      Append({.text = "~",
              .unknown = "home directories are not known",
              .place = place},
             true, words, open);
      ++i;
    } else {
      literal(text.substr(i, 1));
      ++i;
    }
  }
}

}  // namespace postern::programs::migrate::shell
