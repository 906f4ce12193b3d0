// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/users_backend.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
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

// A hash of "pencil".
constexpr char kCrypt[] =
    "$5$saltsaltsalt$tom6DEvBcWRiSa99Ee2w38ZTYp0xKQww1YExc6kalX6";

class UsersBackendTest : public testing::Test {
 protected:
  absl::StatusOr<std::shared_ptr<UsersBackend>> Open() {
    return UsersBackend::Open(folder_.File("users"), [](absl::string_view) {});
  }
  // Opens the backend with these users.
  void Open(const UserFile& users) {
    absl::StatusOr<files::Replacement> table =
        CompileUsers(users, folder_.File("users"));
    ASSERT_TRUE(table.ok() && table->Commit().ok()) << table.status();
    absl::StatusOr<std::shared_ptr<UsersBackend>> backend = Open();
    ASSERT_TRUE(backend.ok()) << backend.status();
    backend_ = *std::move(backend);
  }
  std::vector<std::string> Offered() const {
    std::vector<std::string> names;
    for (const Mechanism& mechanism : backend_->mechanisms()) {
      names.push_back(
          absl::StrCat(mechanism.name, mechanism.shows_secret ? " shown" : ""));
    }
    return names;
  }
  // Returns the first answer: a challenge, "granted IDENTITY", or a code.
  std::string Start(absl::string_view mechanism, absl::string_view initial) {
    const auto session = std::make_shared<const SessionInfo>();
    const std::unique_ptr<AuthExchange> exchange =
        backend_->Begin(mechanism, session);
    std::string result;
    exchange->Start(std::string(initial), [&result](AuthAnswer answer) {
      if (const auto* challenge = std::get_if<AuthChallenge>(&answer)) {
        result = challenge->bytes;
      } else if (const auto* granted = std::get_if<AuthGranted>(&answer)) {
        result = absl::StrCat("granted ", granted->identity);
      } else {
        result = absl::StrCat(std::get<Verdict>(answer).reply()->code);
      }
    });
    return result;
  }

  files::TestDirectory folder_;
  std::shared_ptr<UsersBackend> backend_;
};

TEST_F(UsersBackendTest, OffersScramIfEachUserHasKeys) {
  UserFile users;
  users.Set("anna", *Verifier::MakeScram("pencil", 4096));
  Open(users);
  EXPECT_THAT(Offered(),
              ElementsAre("SCRAM-SHA-256", "PLAIN shown", "LOGIN shown"));
  users.Set("bert", *Verifier::Parse(kCrypt));
  Open(users);
  EXPECT_THAT(Offered(), ElementsAre("PLAIN shown", "LOGIN shown"));
}

TEST_F(UsersBackendTest, ServesOnlyWhatItOffers) {
  UserFile users;
  users.Set("anna", *Verifier::MakeScram("pencil", 4096));
  users.Set("bert", *Verifier::Parse(kCrypt));
  Open(users);
  const auto session = std::make_shared<const SessionInfo>();
  EXPECT_EQ(backend_->Begin("SCRAM-SHA-256", session), nullptr);
  EXPECT_EQ(backend_->Begin("CRAM-MD5", session), nullptr);
  EXPECT_NE(backend_->Begin("PLAIN", session), nullptr);
}

TEST_F(UsersBackendTest, EachMechanismUsesTheTable) {
  UserFile users;
  users.Set("anna", *Verifier::MakeScram("pencil", 4096));
  Open(users);
  EXPECT_EQ(Start("PLAIN", absl::string_view("\0anna\0pencil", 12)),
            "granted anna");
  EXPECT_EQ(Start("PLAIN", absl::string_view("\0anna\0pencils", 13)), "535");
  EXPECT_TRUE(absl::StartsWith(Start("LOGIN", "anna"), "Password"));
  const std::string first = Start("SCRAM-SHA-256", "n,,n=anna,r=nonce");
  EXPECT_TRUE(absl::StartsWith(first, "r=nonce")) << first;
  EXPECT_TRUE(absl::EndsWith(first, ",i=4096")) << first;
}

// The table compares names in the same way.
TEST_F(UsersBackendTest, CaseMattersInNames) {
  UserFile users;
  users.Set("anna", *Verifier::MakeScram("pencil", 4096));
  Open(users);
  for (const Mechanism& mechanism : backend_->mechanisms()) {
    EXPECT_EQ(mechanism.spelling, Spelling::kPrepared) << mechanism.name;
  }
  EXPECT_EQ(Start("PLAIN", absl::string_view("\0Anna\0pencil", 12)), "535");
  EXPECT_EQ(Start("PLAIN", absl::string_view("\0an\xc2\xadna\0pencil", 14)),
            "granted anna");
}

TEST_F(UsersBackendTest, WithoutATableOpenFails) {
  EXPECT_TRUE(absl::IsNotFound(Open().status()));
  folder_.Write("users.cdb", "none");
  EXPECT_TRUE(absl::IsDataLoss(Open().status()));
}

}  // namespace
}  // namespace postern::auth
