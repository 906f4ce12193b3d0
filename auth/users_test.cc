// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/users.h"

#include <sys/stat.h>

#include <optional>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "auth/user_file.h"
#include "auth/user_table.h"
#include "auth/verifier.h"
#include "files/test_directory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace postern::auth {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A hash of "pencil".
constexpr char kCrypt[] =
    "$5$saltsaltsalt$tom6DEvBcWRiSa99Ee2w38ZTYp0xKQww1YExc6kalX6";

class UsersTest : public testing::Test {
 protected:
  UsersTest() {
    file_.Set("anna", *Verifier::MakeScram("anna's", 4096));
    file_.Set("bert", *Verifier::Parse(kCrypt));
    file_.Set("\xC3\xBC", *Verifier::MakeScram("u's", 4096));
    Compile();
  }

  void Compile() {
    absl::StatusOr<files::Replacement> table =
        CompileUsers(file_, folder_.File("users"));
    ASSERT_TRUE(table.ok()) << table.status();
    ASSERT_TRUE(table->Commit().ok());
  }

  // Returns the identity if it is granted, or a code.
  std::string Check(absl::string_view user, absl::string_view secret,
                    absl::string_view challenge = "") {
    const AuthAnswer answer = users_.Check(
        {.user = user, .secret = secret, .challenge = challenge}, {});
    if (const auto* granted = std::get_if<AuthGranted>(&answer)) {
      return granted->identity;
    }
    return absl::StrCat(std::get<Verdict>(answer).reply()->code);
  }

  files::TestDirectory folder_;
  UserFile file_;
  std::vector<std::string> reports_;
  Users users_{folder_.File("users"),
               [this](absl::string_view what) { reports_.emplace_back(what); }};
};

TEST_F(UsersTest, AcceptsTheRightPassword) {
  const struct {
    absl::string_view user;
    absl::string_view secret;
    absl::string_view answer;
  } cases[] = {
      {"anna", "anna's", "anna"},
      {"bert", "pencil", "bert"},
      {"\xC3\xBC", "u's", "\xC3\xBC"},
      {"u\xCC\x88", "u's",
       "\xC3\xBC"},  // decomposed, as the client may send it
      {"an\xC2\xADna", "anna's", "anna"},
      {"anna", "pencil", "535"},
      {"bert", "anna's", "535"},
      {"carl", "pencil", "535"},
      {"Anna", "anna's", "535"},
      {"\xC2\xAD", "x", "535"},  // the prepared name is empty, but not the head
      {"\xFF", "x", "535"},
  };
  for (const auto& [user, secret, answer] : cases) {
    EXPECT_EQ(Check(user, secret), answer) << user;
  }
  EXPECT_THAT(reports_, IsEmpty());
}

TEST_F(UsersTest, CramMd5IsRefused) {
  EXPECT_EQ(Check("anna", "anna's", "<1@mx.example>"), "535");
}

TEST_F(UsersTest, FindScramReturnsTheUsersKeys) {
  for (const absl::string_view user : {"\xC3\xBC", "u\xCC\x88"}) {
    const std::optional<ScramSource::Found> found = users_.FindScram(user);
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->identity, "\xC3\xBC");
    EXPECT_EQ(found->keys, *file_.Find("\xC3\xBC")->scram());
  }
}

TEST_F(UsersTest, UsersWithoutKeysGetMadeUpKeysAndNoIdentity) {
  for (const absl::string_view user : {"carl", "bert", "\xC2\xAD", "\xFF"}) {
    const std::optional<ScramSource::Found> found = users_.FindScram(user);
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->identity, "");
    EXPECT_EQ(found->keys.iterations, 4096);
    EXPECT_EQ(found->keys.salt.size(), Verifier::kSaltSize);
    EXPECT_EQ(found->keys, users_.FindScram(user)->keys);
  }
  EXPECT_NE(users_.FindScram("carl")->keys, users_.FindScram("bert")->keys);
}

TEST_F(UsersTest, AChangeTakesEffectAtTheNextAttempt) {
  EXPECT_EQ(Check("anna", "anna's"), "anna");
  file_.Remove("anna");
  file_.Set("carl", *Verifier::MakeScram("carl's", 4096));
  Compile();
  EXPECT_EQ(Check("anna", "anna's"), "535");
  EXPECT_EQ(Check("carl", "carl's"), "carl");
  file_.Remove("bert");
  EXPECT_FALSE(*users_.AllScram());
  Compile();
  EXPECT_TRUE(*users_.AllScram());
}

TEST_F(UsersTest, AnUnreadableTableIsAnOutageAndReported) {
  const std::string path = folder_.File("users.cdb");
  folder_.Remove("users.cdb");
  EXPECT_EQ(Check("anna", "anna's"), "454");
  EXPECT_EQ(Check("nobody", "x"), "454");
  EXPECT_EQ(users_.FindScram("anna").has_value(), false);
  EXPECT_FALSE(users_.AllScram().ok());
  EXPECT_THAT(reports_,
              ElementsAre(HasSubstr(path), HasSubstr(path), HasSubstr(path)));
  folder_.Write("users.cdb", "no cdb");
  EXPECT_EQ(Check("anna", "anna's"), "454");
  EXPECT_EQ(reports_.size(), 4u);
  Compile();
  EXPECT_EQ(Check("anna", "anna's"), "454");  // open to other users
  ASSERT_EQ(chmod(path.c_str(), 0600), 0);
  EXPECT_EQ(Check("anna", "anna's"), "anna");
}

TEST_F(UsersTest, WithoutAReportTheReasonIsDropped) {
  Users users(folder_.File("missing"), {});
  EXPECT_TRUE(std::holds_alternative<Verdict>(
      users.Check({.user = "anna", .secret = "anna's"}, {})));
  EXPECT_FALSE(users.FindScram("anna").has_value());
}

TEST_F(UsersTest, AnUnreadableUserIsAnOutageAndReported) {
  const std::string head = absl::StrCat(
      "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= 4096 mixed ", kCrypt);
  folder_.WriteCdb("users.cdb", {{"", head}, {"anna", "secret"}});
  ASSERT_EQ(chmod(folder_.File("users.cdb").c_str(), 0600), 0);
  EXPECT_EQ(Check("anna", "anna's"), "454");
  EXPECT_FALSE(users_.FindScram("anna").has_value());
  EXPECT_THAT(reports_,
              ElementsAre(HasSubstr("user anna"), HasSubstr("user anna")));
  EXPECT_EQ(Check("bert", "pencil"), "535");
}

TEST_F(UsersTest, ThreadsMayCheckWhileTheTableChanges) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this] {
      for (int n = 0; n < 20; ++n) {
        EXPECT_EQ(Check("anna", "anna's"), "anna");
        EXPECT_EQ(Check("carl", "x"), "535");
      }
    });
  }
  for (int n = 0; n < 10; ++n) Compile();
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(reports_, IsEmpty());
}

}  // namespace
}  // namespace postern::auth
