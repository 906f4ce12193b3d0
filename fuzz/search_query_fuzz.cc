// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Oracle: a query is terms with words in the form in which texts are compared,
// or an error of one line; and another order of two queries has the terms of
// both.

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "programs/rig/search_query.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace postern::programs;
  const std::string query(reinterpret_cast<const char*>(data), size);
  const std::string once = SearchText(query);
  EXPECT_EQ(SearchText(once), once);
  const auto terms = ParseSearchQuery(query, "Pacific/Auckland");
  if (!terms.ok()) {
    EXPECT_EQ(terms.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_FALSE(absl::StrContains(terms.status().message(), "\n"));
    return 0;
  }
  for (const SearchTerm& term : *terms) {
    EXPECT_EQ(SearchText(term.word), term.word);
  }
  // An open quote would include what comes after it.
  if (absl::StrContains(query, "\"")) return 0;
  const auto more =
      ParseSearchQuery(absl::StrCat("to:a ", query, " !is:read"), "UTC");
  EXPECT_TRUE(more.ok()) << more.status();
  EXPECT_EQ(more->size(), terms->size() + 2) << query;
  return 0;
}
