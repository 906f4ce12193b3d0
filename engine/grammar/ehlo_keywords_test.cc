// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/grammar/ehlo_keywords.h"

#include "gtest/gtest.h"

namespace postern {
namespace {

TEST(EhloKeywordsTest, FindsKeywordsAndTheirParameters) {
  const EhloKeywords keywords(
      "SIZE 7 is my name\nPIPELINING\nsize 1000\nAUTH  PLAIN LOGIN \nSIZE 2\n"
      "AUTH=PLAIN NTLM\n\nX-A b");
  struct Row {
    absl::string_view keyword;
    bool has;
    absl::string_view parameters;
  };
  const Row rows[] = {
      {"PIPELINING", true, ""},   {"pipelining", true, ""},
      {"SIZE", true, "1000"},  // not the server's name; the first of two
      {"Size", true, "1000"},     {"AUTH", true, "PLAIN LOGIN"},
      {"X-A", true, "b"},         {"PIPELININ", false, ""},
      {"PIPELINING ", false, ""}, {"1000", false, ""},
      {"7", false, ""},           {"", false, ""},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(keywords.Has(row.keyword), row.has) << row.keyword;
    EXPECT_EQ(keywords.Parameters(row.keyword), row.parameters);
  }
  EXPECT_TRUE(keywords.HasParameter("AUTH", "login"));
  EXPECT_TRUE(keywords.HasParameter("AUTH", "PLAIN"));
  EXPECT_FALSE(keywords.HasParameter("AUTH", "NTLM"));
  EXPECT_FALSE(keywords.HasParameter("AUTH", "LOG"));
  EXPECT_FALSE(keywords.HasParameter("AUTH", ""));
  EXPECT_FALSE(keywords.HasParameter("SIZE", "2"));
  EXPECT_FALSE(keywords.HasParameter("DSN", ""));
}

TEST(EhloKeywordsTest, AOneLineReplyHasNoKeywords) {
  EXPECT_FALSE(EhloKeywords("PIPELINING").Has("PIPELINING"));
  EXPECT_FALSE(EhloKeywords().Has("PIPELINING"));
  EXPECT_FALSE(EhloKeywords().Has(""));
}

}  // namespace
}  // namespace postern
