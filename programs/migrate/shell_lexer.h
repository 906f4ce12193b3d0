// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Divides a script of sh(1) into tokens, and finds where quotes, substitutions
// and names end. It answers nothing: see shell_expansion.h.

#ifndef POSTERN_PROGRAMS_MIGRATE_SHELL_LEXER_H_
#define POSTERN_PROGRAMS_MIGRATE_SHELL_LEXER_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"

namespace postern::programs::migrate::shell {

struct Token {
  // kBad: a word without an end. It is the last token.
  enum class Kind : uint8_t { kWord, kOperator, kNewline, kRedirection, kBad };
  Kind kind = Kind::kWord;
  absl::string_view text;  // as in the script, with quotes
  int line = 0;
  int last_line = 0;
};

struct HereDocument {
  Token sign;                   // << or <<-
  absl::string_view delimiter;  // as in the script
  int first_line = 0;           // of its content
  int last_line = 0;            // of the end; before first_line: it has none
};

// All views are of the script.
struct Lexed {
  std::vector<Token> tokens;
  std::vector<HereDocument> here_documents;
  // Lines with a comment or with a backslash at their end.
  std::vector<int> silent_lines;
};

Lexed Lex(absl::string_view text);

// Returns the number of lines, with the place after the last line end.
int CountLines(absl::string_view text);

// Return the index after a construct that begins at `i`, or npos if it has no
// end. SkipDollar() skips $( and ${, of which `i` is at the '$'.
size_t SkipWord(absl::string_view text, size_t i);
size_t SkipQuote(absl::string_view text, size_t i);
size_t SkipDoubleQuote(absl::string_view text, size_t i);
size_t SkipBackquote(absl::string_view text, size_t i);
size_t SkipDollar(absl::string_view text, size_t i);

// Returns whether `text` can be the name of a variable.
bool IsName(absl::string_view text);

// Returns the name at the start of `text`, which may begin with a digit.
absl::string_view LeadingName(absl::string_view text);

// Returns the index of the '=' of NAME=..., or npos.
size_t AssignmentAt(absl::string_view word);

// Returns the name that the word NAME=..., NAME+=... or NAME[...]=... assigns,
// or "".
absl::string_view AssignedName(absl::string_view word);

// Return the names that expansions in a word assign: $((A=1)), and both that
// and ${A:=b}.
std::vector<absl::string_view> AssignedInSum(absl::string_view word);
std::vector<absl::string_view> AssignedInside(absl::string_view word);

// Returns what follows the last '/'.
absl::string_view BaseName(absl::string_view path);

}  // namespace postern::programs::migrate::shell

#endif  // POSTERN_PROGRAMS_MIGRATE_SHELL_LEXER_H_
