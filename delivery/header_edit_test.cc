// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/header_edit.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "engine/grammar/header_field.h"
#include "gtest/gtest.h"

namespace postern::delivery {
namespace {

TEST(HeaderSectionTest, EndsAtTheFirstLineThatIsNoField) {
  const struct {
    absl::string_view text;
    int size;  // -1: may continue
  } cases[] = {
      {"A: 1\r\n\r\nbody\r\n", 6},
      {"A: 1\r\n\tmore\r\nB : 2\r\n\r\n", 20},
      {"\r\nA: 1\r\n", 0},
      {" A: 1\r\n\r\n", 0},  // continues nothing
      {"no field\r\n\r\n", 0},
      {"A: 1\r\nno field\r\nB: 2\r\n\r\n", 6},
      {"A: 1\r\n>From x: y\r\n", 6},
      {"A: 1\r\n: no name\r\n", 6},
      {"", -1},
      {"A: 1", -1},
      {"A: 1\r", -1},
      {"A: 1\r\n", -1},
      {"A: 1\r\n\r", -1},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(HeaderSectionSize(c.text)
                  ? static_cast<int>(*HeaderSectionSize(c.text))
                  : -1,
              c.size)
        << std::string(c.text);
  }
}

constexpr absl::string_view kSection =
    "Received: x\r\n\ty\r\n"
    "X-Spam: 1\r\n"
    "Subject: a\r\n b\r\n"
    "x-spam : 2\r\n\tz\r\n"
    "X-SPAM: 3\r\n"
    "X-Spammer: 4\r\n";

TEST(EditHeaderTest, ChangesTheFieldsThatAreNamed) {
  const struct {
    int which;
    absl::string_view kept;  // numbers of the fields that are left
  } cases[] = {{0, ""},    {1, "23"},  {2, "13"},  {3, "12"},  {4, "123"},
               {-1, "12"}, {-2, "13"}, {-3, "23"}, {-4, "123"}};
  for (const auto& c : cases) {
    const std::string edited =
        EditHeaderSection(kSection, {.changes = {{"X-Spam", c.which, ""}}});
    std::string left;
    for (const absl::string_view field : SplitHeader(edited)) {
      for (const char n : {'1', '2', '3'}) {
        if (field.find(n) != absl::string_view::npos) left += n;
      }
    }
    EXPECT_EQ(left, c.kept) << c.which;
  }
}

TEST(EditHeaderTest, ReplacesInPlaceAndAddsAtTheTop) {
  EXPECT_EQ(EditHeaderSection(kSection,
                              {.add = "A: 1\r\nB: 2\r\n",
                               .changes = {{"subject", 1, "Subject: new\r\n"},
                                           {"X-Spam", 0, ""},
                                           {"X-None", 1, "X-None: 5\r\n"}}}),
            "A: 1\r\nB: 2\r\nX-None: 5\r\nReceived: x\r\n\ty\r\n"
            "Subject: new\r\nX-Spammer: 4\r\n");
  EXPECT_EQ(EditHeaderSection("", {.add = "A: 1\r\n"}), "A: 1\r\n");
  EXPECT_EQ(EditHeaderSection("A: no end", {.changes = {{"B", 0, ""}}}),
            "A: no end");
}

TEST(EditHeaderTest, AddedFieldsAreNotChanged) {
  EXPECT_EQ(
      EditHeaderSection("X-Spam: forged\r\n", {.add = "X-Spam: Yes\r\n",
                                               .changes = {{"X-Spam", 0, ""}}}),
      "X-Spam: Yes\r\n");
}

TEST(MakeHeaderFieldTest, NoValueBeginsAnotherField) {
  const std::string word(600, 'w');
  const struct {
    std::string value;
    std::string field;  // without its name
  } cases[] = {
      {"Yes", "Yes\r\n"},
      {"", "\r\n"},
      {"a\r\n\tb\n c", "a\r\n\tb\r\n c\r\n"},
      {"a\r\nBcc: x@y.example", "a\r\n\tBcc: x@y.example\r\n"},
      {"a\nBcc: x", "a\r\n\tBcc: x\r\n"},
      {"a\rBcc: x", "a\r\n\tBcc: x\r\n"},
      {"a\r\n\r\nbody", "a\r\n\tbody\r\n"},
      {"a\n \n\t\nb", "a\r\n\tb\r\n"},
      {"a\r\r\n\n", "a\r\n"},
      {std::string("a\0b\x1b\x7f\tc", 7), "a?b??\tc\r\n"},
      {"\xc3\xbc \xff", "\xc3\xbc \xff\r\n"},
      {absl::StrCat(word, " ", word, "\t", word),
       absl::StrCat(word, "\r\n ", word, "\r\n\t", word, "\r\n")},
  };
  for (const auto& c : cases) {
    const auto field = MakeHeaderField("X-Name", c.value);
    ASSERT_TRUE(field.ok()) << field.status();
    EXPECT_EQ(*field, absl::StrCat("X-Name: ", c.field));
    EXPECT_TRUE(IsHeader(*field)) << *field;
    EXPECT_EQ(SplitHeader(*field).size(), 1u);
  }
}

TEST(MakeHeaderFieldTest, NamesAndLinesAreValid) {
  for (const std::string& name :
       {std::string(""), std::string("A b"), std::string("A:b"),
        std::string("A\r\nBcc"), std::string("A\n"), std::string("\xc3\xbc"),
        std::string(129, 'a'), std::string("a\0", 2)}) {
    EXPECT_FALSE(MakeHeaderField(name, "x").ok()) << name;
  }
  EXPECT_FALSE(MakeHeaderField("A", std::string(999, 'x')).ok());
  EXPECT_FALSE(
      MakeHeaderField("A", absl::StrCat("b\n", std::string(999, 'x'))).ok());
  EXPECT_TRUE(MakeHeaderField("A", std::string(997, 'x')).ok());
  EXPECT_FALSE(MakeHeaderField("A", std::string(998, 'x')).ok());
}

}  // namespace
}  // namespace postern::delivery
