// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/rig/search_query.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace postern::programs {
namespace {

using Field = SearchTerm::Field;

std::vector<SearchTerm> Read(absl::string_view query,
                             absl::string_view zone = "") {
  auto terms = ParseSearchQuery(query, zone);
  EXPECT_TRUE(terms.ok()) << query << ": " << terms.status();
  return terms.value_or(std::vector<SearchTerm>());
}

TEST(SearchQuery, ReadsFieldsAndPhrases) {
  const auto terms =
      Read("FROM:Ann \"two  Words\" subject:\"A, b\" -to:x !tag:t  !");
  ASSERT_EQ(terms.size(), 5u);
  EXPECT_EQ(terms[0].field, Field::kFrom);
  EXPECT_EQ(terms[0].word, "ann");
  EXPECT_EQ(terms[1].field, Field::kText);
  EXPECT_EQ(terms[1].word, "two words");
  EXPECT_EQ(terms[2].field, Field::kSubject);
  EXPECT_EQ(terms[2].word, "a b");
  EXPECT_EQ(terms[3].field, Field::kTo);
  EXPECT_TRUE(terms[3].negated);
  EXPECT_EQ(terms[4].field, Field::kTag);
  EXPECT_TRUE(terms[4].negated);
}

TEST(SearchQuery, NegatesTwice) {
  EXPECT_TRUE(Read("is:unread")[0].negated);
  EXPECT_FALSE(Read("!is:unread")[0].negated);
  EXPECT_TRUE(Read("-is:read")[0].negated);
  EXPECT_EQ(Read("has:attachments")[0].field, Field::kAttachment);
  EXPECT_EQ(Read("is:tagged")[0].field, Field::kTagged);
}

TEST(SearchQuery, IgnoresTermsWithoutAWord) {
  EXPECT_TRUE(Read("").empty());
  EXPECT_TRUE(Read(" \"\" - ! () from:\"<>\"").empty());
}

TEST(SearchQuery, ReadsDates) {
  const absl::Time day = absl::FromUnixSeconds(1796083200);  // 2026-12-01
  for (const char* const date :
       {"2026-12-01", "2026/12/01", "2026-12-01T00:00:00Z",
        "2026-12-01T01:00:00+01:00", "\"2026-12-01 00:00\"",
        "\"2026-12-01 00:00:00\""}) {
    const auto terms = Read(absl::StrCat("after:", date));
    ASSERT_EQ(terms.size(), 1u) << date;
    EXPECT_EQ(terms[0].time, day) << date;
    EXPECT_EQ(terms[0].field, Field::kSince);
  }
  EXPECT_EQ(Read("before:2026-12-01", "Pacific/Auckland")[0].time,
            day - absl::Hours(13));
}

TEST(SearchQuery, ReadsSizes) {
  EXPECT_EQ(Read("larger:100")[0].octets, 100u);
  EXPECT_EQ(Read("larger:1.5k")[0].octets, 1536u);
  EXPECT_EQ(Read("smaller:2MB")[0].octets, 2u << 20);
}

TEST(SearchQuery, NamesWhatItCannotRead) {
  for (const char* const query :
       {"after:soon", "before:2026-13-01", "larger:much", "smaller:1gb",
        "larger:1e99", "before:1\x01"}) {
    const auto terms = ParseSearchQuery(query, "");
    ASSERT_FALSE(terms.ok()) << query;
    EXPECT_EQ(terms.status().code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_FALSE(ParseSearchQuery("x", "Mars/Olympus").ok());
}

TEST(SearchQuery, OpensNoFileButATimeZone) {
  // Each is a zone for the library, or a directory of zones.
  for (const char* const zone :
       {"/usr/share/zoneinfo/Europe/Berlin", "file:Europe/Berlin",
        "Europe/../Europe/Berlin", "./UTC", "Europe//Berlin", "Europe/Berlin/",
        "libc:UTC", "Fixed/UTC+01:00:00", "Europe", "/dev/stdin"}) {
    EXPECT_FALSE(ParseSearchQuery("x", zone).ok()) << zone;
  }
  for (const char* const zone :
       {"UTC", "Europe/Berlin", "Etc/GMT+5", "America/Port-au-Prince",
        "America/Argentina/Buenos_Aires"}) {
    EXPECT_TRUE(ParseSearchQuery("x", zone).ok()) << zone;
  }
}

TEST(SearchText, IsLowerCaseWithoutPunctuation) {
  EXPECT_EQ(SearchText(" \"\xC3\x84nn\", <a@x>;\r\n(b)  "), "\xC3\xA4nn a@x b");
  EXPECT_EQ(SearchText("\xFF"
                       "A"),
            "\xFF"
            "a");
}

}  // namespace
}  // namespace postern::programs
