// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/migrate/shell_lexer.h"

#include <algorithm>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"

namespace postern::programs::migrate::shell {
namespace {

constexpr size_t npos = absl::string_view::npos;

bool EndsWord(char c) {
  return absl::string_view(" \t\r\n;&|()<>").find(c) != npos;
}

// Returns the length of the operator at the start of `text`.
size_t OperatorLength(absl::string_view text) {
  // "((" and "&>" are those of bash. The parser does not know them.
  for (const absl::string_view sign :
       {"&&", "||", ";;", "((", "&>", "|&", "<<<", "<<-", "<<", "<>", "<&",
        ">>", ">&", ">|"}) {
    if (absl::StartsWith(text, sign)) return sign.size();
  }
  return 1;
}

// Skips the lines of a here-document, which begin at `*i` in the line `*line`.
void SkipHereDocument(absl::string_view text, size_t* i, int* line,
                      HereDocument* here) {
  here->first_line = *line;
  here->last_line = *line - 1;
  std::string end(here->delimiter);
  end.erase(
      std::remove_if(end.begin(), end.end(),
                     [](char c) { return c == '\'' || c == '"' || c == '\\'; }),
      end.end());
  while (*i < text.size()) {
    const size_t line_end = std::min(text.find('\n', *i), text.size());
    absl::string_view content = text.substr(*i, line_end - *i);
    here->last_line = *line;
    if (absl::EndsWith(here->sign.text, "-")) {
      while (absl::ConsumePrefix(&content, "\t")) {
      }
    }
    const bool done = content == end;
    *i = std::min(line_end + 1, text.size());
    if (line_end < text.size()) ++*line;
    if (done) break;
  }
}

}  // namespace

Lexed Lex(absl::string_view text) {
  Lexed lexed;
  std::vector<Token>& tokens = lexed.tokens;
  int line = 1;
  // The number of here-documents that are read. The others follow this line.
  size_t read = 0;
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (c == '\n') {
      tokens.push_back({Token::Kind::kNewline, text.substr(i, 1), line, line});
      ++i;
      ++line;
      for (; read < lexed.here_documents.size(); ++read) {
        SkipHereDocument(text, &i, &line, &lexed.here_documents[read]);
      }
      continue;
    }
    if (c == ' ' || c == '\t' || c == '\r') {
      ++i;
      continue;
    }
    if (c == '\\' && i + 1 < text.size() && text[i + 1] == '\n') {
      lexed.silent_lines.push_back(line);
      i += 2;
      ++line;
      continue;
    }
    if (c == '#') {  // not in a word: SkipWord() reads those
      lexed.silent_lines.push_back(line);
      i = std::min(text.find('\n', i), text.size());
      continue;
    }
    // A redirection: [N]SIGN. Its target is the next word.
    size_t digits = i;
    while (digits < text.size() && absl::ascii_isdigit(text[digits])) {
      ++digits;
    }
    if (digits < text.size() && (text[digits] == '<' || text[digits] == '>')) {
      const size_t end = digits + OperatorLength(text.substr(digits));
      tokens.push_back(
          {Token::Kind::kRedirection, text.substr(i, end - i), line, line});
      i = end;
      continue;
    }
    if (EndsWord(c)) {
      const size_t length = OperatorLength(text.substr(i));
      tokens.push_back(
          {Token::Kind::kOperator, text.substr(i, length), line, line});
      i += length;
      continue;
    }
    const size_t end = SkipWord(text, i);
    if (end == npos) {
      // The quote has no end. Nothing after it has a known meaning.
      tokens.push_back(
          {Token::Kind::kBad, text.substr(i), line, CountLines(text)});
      lexed.here_documents.resize(read);
      return lexed;
    }
    const absl::string_view word = text.substr(i, end - i);
    const int last =
        line + static_cast<int>(std::count(word.begin(), word.end(), '\n'));
    if (!tokens.empty() && tokens.back().kind == Token::Kind::kRedirection &&
        (absl::EndsWith(tokens.back().text, "<<") ||
         absl::EndsWith(tokens.back().text, "<<-")) &&
        !absl::EndsWith(tokens.back().text, "<<<")) {
      lexed.here_documents.push_back(
          {.sign = tokens.back(), .delimiter = word});
    }
    tokens.push_back({Token::Kind::kWord, word, line, last});
    line = last;
    i = end;
  }
  lexed.here_documents.resize(read);
  return lexed;
}

int CountLines(absl::string_view text) {
  const auto ends = std::count(text.begin(), text.end(), '\n');
  const bool open_end = !text.empty() && text.back() != '\n';
  return static_cast<int>(ends) + (open_end ? 1 : 0) + 1;
}

size_t SkipWord(absl::string_view text, size_t i) {
  while (i < text.size() && !EndsWord(text[i])) {
    const char c = text[i];
    if (c == '\'') {
      i = SkipQuote(text, i);
    } else if (c == '"') {
      i = SkipDoubleQuote(text, i);
    } else if (c == '`') {
      i = SkipBackquote(text, i);
    } else if (c == '$' && i + 1 < text.size() &&
               (text[i + 1] == '(' || text[i + 1] == '{')) {
      i = SkipDollar(text, i);
    } else {
      i += c == '\\' ? 2 : 1;
    }
    if (i == npos) return npos;
  }
  return std::min(i, text.size());
}

size_t SkipQuote(absl::string_view text, size_t i) {
  const size_t end = text.find('\'', i + 1);
  return end == npos ? npos : end + 1;
}

size_t SkipDoubleQuote(absl::string_view text, size_t i) {
  for (++i; i < text.size();) {
    const char c = text[i];
    if (c == '"') return i + 1;
    if (c == '\\') {
      i += 2;
    } else if (c == '`') {
      i = SkipBackquote(text, i);
    } else if (c == '$' && i + 1 < text.size() &&
               (text[i + 1] == '(' || text[i + 1] == '{')) {
      i = SkipDollar(text, i);
    } else {
      ++i;
    }
    if (i == npos) return npos;
  }
  return npos;
}

size_t SkipBackquote(absl::string_view text, size_t i) {
  for (++i; i < text.size(); ++i) {
    if (text[i] == '\\')
      ++i;
    else if (text[i] == '`')
      return i + 1;
  }
  return npos;
}

size_t SkipDollar(absl::string_view text, size_t i) {
  const char end = text[i + 1] == '(' ? ')' : '}';
  const char begin = text[i + 1];
  int depth = 0;
  for (++i; i < text.size();) {
    const char c = text[i];
    if (c == '\\') {
      i += 2;
    } else if (c == '\'') {
      i = SkipQuote(text, i);
      if (i == npos) return npos;
    } else if (c == '"') {
      // Quotes in a substitution are its own.
      size_t j = i + 1;
      while (j < text.size() && text[j] != '"') j += text[j] == '\\' ? 2 : 1;
      if (j >= text.size()) return npos;
      i = j + 1;
    } else {
      if (c == begin) ++depth;
      if (c == end && --depth == 0) return i + 1;
      ++i;
    }
  }
  return npos;
}

bool IsName(absl::string_view text) {
  if (text.empty() || absl::ascii_isdigit(text[0])) return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isalnum(c) || c == '_'; });
}

absl::string_view LeadingName(absl::string_view text) {
  size_t end = 0;
  while (end < text.size() &&
         (absl::ascii_isalnum(text[end]) || text[end] == '_')) {
    ++end;
  }
  return text.substr(0, end);
}

size_t AssignmentAt(absl::string_view word) {
  const size_t equals = word.find('=');
  return equals != npos && IsName(word.substr(0, equals)) ? equals : npos;
}

absl::string_view AssignedName(absl::string_view word) {
  const absl::string_view name = LeadingName(word);
  const absl::string_view rest = word.substr(name.size());
  const bool assigns =
      absl::StartsWith(rest, "=") || absl::StartsWith(rest, "+=") ||
      (absl::StartsWith(rest, "[") && absl::StrContains(rest, "="));
  return assigns && IsName(name) ? name : absl::string_view();
}

std::vector<absl::string_view> AssignedInSum(absl::string_view word) {
  std::vector<absl::string_view> names;
  const size_t begin = std::min(word.find("$(("), word.find("$["));
  if (begin == npos) return names;
  const absl::string_view sum = word.substr(begin);
  if (!absl::StrContains(sum, '=') && !absl::StrContains(sum, "++") &&
      !absl::StrContains(sum, "--")) {
    return names;
  }
  for (size_t i = 0; i < sum.size();) {
    const absl::string_view name = LeadingName(sum.substr(i));
    if (IsName(name)) names.push_back(name);
    i += std::max(name.size(), size_t{1});
  }
  return names;
}

std::vector<absl::string_view> AssignedInside(absl::string_view word) {
  std::vector<absl::string_view> names = AssignedInSum(word);
  for (size_t i = word.find("${"); i != npos; i = word.find("${", i + 2)) {
    const absl::string_view name = LeadingName(word.substr(i + 2));
    const absl::string_view rest = word.substr(i + 2 + name.size());
    if (IsName(name) &&
        (absl::StartsWith(rest, "=") || absl::StartsWith(rest, ":="))) {
      names.push_back(name);
    }
  }
  return names;
}

absl::string_view BaseName(absl::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == npos ? path : path.substr(slash + 1);
}

}  // namespace postern::programs::migrate::shell
