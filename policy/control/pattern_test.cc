// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/control/pattern.h"

#include <regex.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "gtest/gtest.h"

namespace postern::policy {
namespace {

// Whether `text` contains a match, by the C library.
bool LibraryMatches(const std::string& pattern, const std::string& text) {
  regex_t compiled;
  EXPECT_EQ(
      regcomp(&compiled, pattern.c_str(), REG_EXTENDED | REG_ICASE | REG_NOSUB),
      0)
      << pattern;
  const bool matches =
      regexec(&compiled, text.c_str(), 0, nullptr, 0) != REG_NOMATCH;
  regfree(&compiled);
  return matches;
}

TEST(PatternTest, MatchesWhatTheLibraryMatches) {
  const std::string patterns[] = {
      "a",
      "a.c",
      "^a",
      "a$",
      "^$",
      "^a$",
      "a^b",
      "(^|@)x",
      "a*b",
      "(ab)*c",
      "(a|b)+@",
      "a?b?c?$",
      "x{2}",
      "x{2,}y",
      "^x{1,3}y",
      "(ab|c){2,3}d",
      "^(a{0}b)?$",
      "(a*)*b",
      "((a?)+b)*$",
      "a|b|cd",
      "(a|(b|c))@(x|y)",
      "[abc]@",
      "[^abc]@",
      "[a-c]+$",
      "^[^@]+@x",
      "[]x]",
      "[^]x]$",
      "[a-]",
      "[0-t]",
      "[ -D@]",
      "[[:digit:]]+@",
      "^[[:upper:]]+@",
      "[^[:alnum:]@.]",
      "\\.example$",
      "\\$\\*",
      "\\w+@\\w+",
      "^\\W",
      "\\s",
      "\\S@",
      "^[0-9]{1,3}(\\.[0-9]{1,3}){3}$",
      "@(.*\\.)?x\\.example$",
      "B@X",
      "[X]",
  };
  const std::string texts[] = {
      "",
      "a",
      "b",
      "x",
      "abc",
      "aab",
      "ababc",
      "abcd",
      "cabd",
      "xxxxy",
      "xxy",
      "xy",
      "a@x",
      "B@X",
      "ab@y.example",
      "u@x.example",
      "u@sub.x.example",
      "u@ax.example",
      "U@X.EXAMPLE",
      "12345@x.example",
      "192.0.2.1",
      "1920.0.2.1",
      "a b@x",
      "$*",
      "]",
      "-",
      "_@x",
      "\x80@x",
      "caab@xx",
  };
  for (const std::string& pattern : patterns) {
    const auto compiled = Pattern::Compile(pattern);
    ASSERT_TRUE(compiled.ok()) << pattern << ": " << compiled.status();
    for (const std::string& text : texts) {
      EXPECT_EQ(compiled->Matches(text), LibraryMatches(pattern, text))
          << pattern << " in " << text;
    }
  }
}

TEST(PatternTest, SearchesTextWithNul) {
  const auto pattern = Pattern::Compile("b$");
  ASSERT_TRUE(pattern.ok());
  EXPECT_TRUE(pattern->Matches(absl::string_view("a\0b", 3)));
  EXPECT_FALSE(pattern->Matches(absl::string_view("b\0a", 3)));
}

TEST(PatternTest, ExplainsErrors) {
  const struct {
    std::string pattern;
    std::string says;
  } cases[] = {
      {"*@x.example",
       "a '*' that repeats nothing (\".*\" is any text), at "
       "octet 1"},
      {"a|+", "a '+' that repeats nothing"},
      {"(?:a)", "a '?' that repeats nothing"},
      {"{1}", "a '{' that repeats nothing"},
      {"^*", "a repetition of nothing"},
      {"a$?", "a repetition of nothing"},
      {"a**", "two repetitions in sequence, at octet 3"},
      {"a+{2}", "two repetitions in sequence"},
      {"", "nothing where an expression must be, at octet 1"},
      {"a|", "nothing where an expression must be, at octet 3"},
      {"()", "nothing where an expression must be"},
      {"(a", "a '(' without a ')'"},
      {"a)", "a ')' without a '('"},
      {"[a", "a '[' without a ']'"},
      {"[", "a '[' without a ']'"},
      {"[]", "a '[' without a ']'"},
      {"[b-a]", "a range that ends before it begins"},
      {"[Z-a]", "a range that ends before it begins"},
      {"[_-b]", "a range that ends before it begins"},
      {"[a-c-e]", "a range that begins where another one ends"},
      {"[a-[:digit:]]", "a range that ends in '['"},
      {"[[:word:]]", "a [: in brackets without the name of a class"},
      {"[[:digit]", "a [: in brackets without the name of a class"},
      {"[[=a=]]", "a [= or [. in brackets"},
      {"[[.-.]]", "a [= or [. in brackets"},
      {"(a)\\1",
       "the back-reference \\1, which does not exist here, at octet "
       "4"},
      {"\\d+", "a '\\' before an octet that needs none"},
      {"\\<a", "a '\\' before an octet that needs none"},
      {"a\\", "a '\\' at the end"},
      {"a{", "a '{' that does not begin {n}"},
      {"a{,2}", "a '{' that does not begin {n}"},
      {"a{2,1}", "a {n,m} with n above m"},
      {"a{256}", "a repetition of more than 255"},
      {"a{99999999999999999999}", "a repetition of more than 255"},
      {"(a{255}){255}", "more than 2000 parts, with its repetitions"},
      {"((((a{0}){255}){255}){255}){255}",
       "more than 2000 parts, with its repetitions"},
      {"(((a{200}|b){200}|c){200})",
       "more than 2000 parts, with its repetitions"},
      {std::string(100, '(') + "a" + std::string(100, ')'),
       "too many groups within groups"},
      {std::string(2000, 'a'), "more than 2000 parts, with its repetitions"},
  };
  for (const auto& c : cases) {
    const auto pattern = Pattern::Compile(c.pattern);
    ASSERT_FALSE(pattern.ok()) << c.pattern;
    EXPECT_EQ(pattern.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_TRUE(absl::StrContains(pattern.status().message(), c.says))
        << c.pattern << ": " << pattern.status();
  }
}

// With the backtracking of other engines, this text would take years.
TEST(PatternTest, TimeIsLimited) {
  const auto pattern = Pattern::Compile("^(a*)*(a|aa)*(a+a+){20}$");
  ASSERT_TRUE(pattern.ok()) << pattern.status();
  EXPECT_FALSE(pattern->Matches(std::string(900, 'a') + "b"));
}

}  // namespace
}  // namespace postern::policy
