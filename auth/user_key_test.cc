// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/user_key.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "gtest/gtest.h"

namespace postern::auth {
namespace {

TEST(UserKeyTest, AllSpellingsOfAUserHaveTheSameKey) {
  const struct {
    std::string user;
    std::string prepared;
    std::string folded;
  } kRows[] = {
      {"alice", "alice", "alice"},
      {"Alice", "Alice", "alice"},
      {"ALICE@Example.ORG", "ALICE@Example.ORG", "alice@example.org"},
      {" alice", " alice", "alice"},
      // SASLprep removes a soft hyphen and a zero width joiner.
      {"ali\xc2\xad"
       "ce",
       "alice", "alice"},
      {"ali\xe2\x80\x8d"
       "ce",
       "alice", "alice"},
      {"\xc2\xad"
       "al\xc2\xad"
       "ice",
       "alice", "alice"},
      // Compatibility forms: a fullwidth and a mathematical letter.
      {"\xef\xbd\x81lice", "alice", "alice"},
      {"\xef\xbc\xa1lice", "Alice", "alice"},
      {"\xf0\x9d\x90\x9alice", "alice", "alice"},
      // Every kind of blank becomes a space.
      {"a\xc2\xa0"
       "b",
       "a b", "a b"},
      {"\xe3\x80\x80"
       "ab",
       " ab", "ab"},
      // Case of letters that are not ASCII; the Kelvin sign.
      {"\xc3\x9c"
       "ber",
       "\xc3\x9c"
       "ber",
       "\xc3\xbc"
       "ber"},
      {"\xe2\x84\xaa"
       "ai",
       "Kai", "kai"},
      {"stra\xc3\x9f"
       "e",
       "stra\xc3\x9f"
       "e",
       "strasse"},
      // Names that SASLprep prohibits have the empty key.
      {"", "", ""},
      {std::string("a\0b", 3), "", ""},
      {"al\x01ice", "", ""},
      {"\xff", "", ""},
  };
  for (const auto& row : kRows) {
    EXPECT_EQ(UserKey(row.user, Spelling::kPrepared), row.prepared)
        << absl::CHexEscape(row.user);
    EXPECT_EQ(UserKey(row.user, Spelling::kFolded), row.folded)
        << absl::CHexEscape(row.user);
  }
}

// Also a name that is too long for the library after folding, or that the
// library refuses, has a key.
TEST(UserKeyTest, EveryPreparedNameHasAKey) {
  const std::string name(5000, 'A');
  EXPECT_EQ(UserKey(name, Spelling::kFolded), std::string(5000, 'a'));
  std::string sharp;
  for (int i = 0; i < 2500; ++i) sharp += "\xc3\x9f";
  EXPECT_EQ(UserKey(sharp, Spelling::kFolded), std::string(5000, 's'));
}

class TwoWays : public Backend {
 public:
  std::vector<Mechanism> mechanisms() const override {
    return {{.name = "PLAIN", .spelling = Spelling::kPrepared},
            {.name = "LOGIN"}};
  }
  std::unique_ptr<AuthExchange> Begin(absl::string_view,
                                      const SharedSessionInfo&) override {
    return nullptr;
  }
};

TEST(UserKeyTest, TheMechanismDeterminesTheSpelling) {
  const UserKeys keys{TwoWays()};
  EXPECT_EQ(keys.Of("PLAIN", "Al\xc2\xadice"), "Alice");
  EXPECT_EQ(keys.Of("LOGIN", "Al\xc2\xadice"), "alice");
  EXPECT_EQ(keys.Of("OTHER", "Al\xc2\xadice"), "alice");
}

}  // namespace
}  // namespace postern::auth
