// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/user_table.h"

#include <sys/stat.h>

#include <cstdint>
#include <fstream>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "auth/digest.h"
#include "auth/scram_keys.h"
#include "auth/user_file.h"
#include "auth/verifier.h"
#include "files/test_directory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace postern::auth {
namespace {

using ::testing::HasSubstr;

// Returns a verifier of "a password" that is quick to check.
std::string Scram(int iterations) {
  return Verifier::MakeScram("a password", iterations)->text();
}
constexpr char kCrypt[] =
    "$5$saltsaltsalt$tom6DEvBcWRiSa99Ee2w38ZTYp0xKQww1YExc6kalX6";

class UserTableTest : public testing::Test {
 protected:
  // Compiles `text`, and opens the resulting table.
  UserTable Compile(const std::string& text) {
    const UserFile users = *UserFile::Parse(text, "users");
    absl::StatusOr<files::Replacement> file = CompileUsers(users, path_);
    EXPECT_TRUE(file.ok()) << file.status();
    EXPECT_TRUE(file->Commit().ok());
    return Open();
  }
  UserTable Open() {
    absl::StatusOr<UserTable> table = UserTable::Open(UserTablePath(path_));
    EXPECT_TRUE(table.ok()) << table.status();
    return *std::move(table);
  }
  mode_t Mode() {
    struct stat facts = {};
    EXPECT_EQ(stat(UserTablePath(path_).c_str(), &facts), 0);
    return facts.st_mode & 07777;
  }

  files::TestDirectory folder_;
  const std::string path_ = folder_.File("users");
};

TEST_F(UserTableTest, FindsUsersAndNoOthers) {
  const std::string anna = Scram(4096);
  const UserTable table =
      Compile(absl::StrCat("anna:", anna, "\nbert:", kCrypt, "\n"));
  EXPECT_EQ(*table.Find("anna"), *Verifier::Parse(anna));
  EXPECT_EQ(*table.Find("bert"), *Verifier::Parse(kCrypt));
  for (const char* absent : {"", "Anna", "ann", "anna ", "carl"}) {
    EXPECT_EQ(*table.Find(absent), std::nullopt) << absent;
  }
}

TEST_F(UserTableTest, TheStandInHasTheMostFrequentCost) {
  const std::string crypt = absl::StrCat(":", kCrypt, "\n");
  const auto scram = [](int iterations) {
    return absl::StrCat(":", Scram(iterations), "\n");
  };
  const struct {
    std::string text;
    absl::string_view cost;
    int iterations;
    bool all_scram;
  } cases[] = {
      {"", "SCRAM-SHA-256$65536", 65536, true},
      {"a" + scram(4096), "SCRAM-SHA-256$4096", 4096, true},
      {"a" + crypt, "$5$", 65536, false},
      {"a" + crypt + "b" + scram(4096) + "c" + scram(4096),
       "SCRAM-SHA-256$4096", 4096, false},
      {"a" + scram(4096) + "b" + crypt + "c" + crypt, "$5$", 4096, false},
      {"a" + crypt + "b" + scram(4096), "$5$", 4096,
       false},  // the first counts
      {"a" + scram(5000) + "b" + scram(4096) + "c" + scram(4096),
       "SCRAM-SHA-256$4096", 4096, true},
  };
  for (const auto& [text, cost, iterations, all_scram] : cases) {
    const UserTable table = Compile(text);
    EXPECT_EQ(table.stand_in().cost(), cost) << text;
    EXPECT_EQ(table.MakeUpKeys("x").iterations, iterations) << text;
    EXPECT_EQ(table.all_scram(), all_scram) << text;
    EXPECT_FALSE(*table.stand_in().Check("a password"));
  }
}

TEST_F(UserTableTest, MadeUpKeysDependOnlyOnNameAndSecret) {
  const ScramKeys before = Compile("a:" + Scram(4096)).MakeUpKeys("nobody");
  EXPECT_EQ(before.salt.size(), Verifier::kSaltSize);
  EXPECT_EQ(Open().MakeUpKeys("nobody"), before);
  EXPECT_EQ(Compile("b:" + Scram(4096)).MakeUpKeys("nobody"), before);
  EXPECT_NE(Open().MakeUpKeys("nobodx").salt, before.salt);
  folder_.Remove("users.cdb");
  EXPECT_NE(Compile("b:" + Scram(4096)).MakeUpKeys("nobody").salt, before.salt);
}

TEST_F(UserTableTest, ANewTableKeepsTheModeOfTheOldTableOrOfTheFile) {
  Compile("");
  EXPECT_EQ(Mode(), 0600u);
  folder_.Remove("users.cdb");
  folder_.Write("users", "");
  ASSERT_EQ(chmod(path_.c_str(), 0640), 0);
  Compile("");
  EXPECT_EQ(Mode(), 0640u);
  ASSERT_EQ(chmod(path_.c_str(), 0600), 0);
  Compile("");
  EXPECT_EQ(Mode(), 0640u);
}

TEST_F(UserTableTest, DoesNotReadATableThatIsOpenToOtherUsers) {
  Compile("");
  ASSERT_EQ(chmod(UserTablePath(path_).c_str(), 0644), 0);
  const absl::Status status = UserTable::Open(UserTablePath(path_)).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr(UserTablePath(path_)));
}

// Makes the slot of the record `name` point outside the file. The format is
// described at https://cr.yp.to/cdb/cdb.txt.
void Damage(const std::string& path, absl::string_view name) {
  uint32_t hash = 5381;
  for (const char c : name) hash = (hash * 33) ^ static_cast<uint8_t>(c);
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  const auto read = [&file](uint32_t position) {
    char bytes[4] = {};
    file.seekg(position);
    file.read(bytes, sizeof(bytes));
    uint32_t number = 0;
    for (int i = 3; i >= 0; --i) {
      number = number << 8 | static_cast<uint8_t>(bytes[i]);
    }
    return number;
  };
  uint32_t slot = read(8 * (hash % 256));
  const uint32_t end = slot + 8 * read(8 * (hash % 256) + 4);
  while (slot < end && read(slot) != hash) slot += 8;
  ASSERT_LT(slot, end) << std::string(name);
  file.seekp(slot + 4);
  file.write("\xf0\xff\xff\xff", 4);
  ASSERT_TRUE(file.good());
}

TEST_F(UserTableTest, ReadErrorsNameThePath) {
  const std::string path = UserTablePath(path_);
  Compile(absl::StrCat("anna:", kCrypt, "\nbert:", kCrypt, "\n"));
  Damage(path, "anna");
  const UserTable table = Open();
  const absl::Status found = table.Find("anna").status();
  EXPECT_TRUE(absl::IsDataLoss(found)) << found;
  EXPECT_THAT(std::string(found.message()), HasSubstr(path));
  EXPECT_TRUE(table.Find("bert")->has_value());
  Damage(path, "#text");
  EXPECT_TRUE(absl::IsDataLoss(Open().TextDigest().status()));
  Damage(path, "");
  const absl::Status opened = UserTable::Open(path).status();
  EXPECT_TRUE(absl::IsDataLoss(opened)) << opened;
  EXPECT_THAT(std::string(opened.message()), HasSubstr(path));
}

TEST_F(UserTableTest, ATableHasTheDigestOfItsText) {
  const std::string text = absl::StrCat("# one\nanna:", kCrypt, "\n");
  EXPECT_EQ(*Compile(text).TextDigest(), Sha256(text));
  EXPECT_EQ(*Compile("").TextDigest(), Sha256(""));
  EXPECT_EQ(*Open().Find("#text"), std::nullopt);
  // Older versions wrote no digest.
  const std::string head = absl::StrCat(
      "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= 4096 mixed ", kCrypt);
  folder_.WriteCdb("users.cdb", {{"", head}});
  ASSERT_EQ(chmod(UserTablePath(path_).c_str(), 0600), 0);
  EXPECT_EQ(*Open().TextDigest(), "");
}

TEST_F(UserTableTest, FileAndTablePathsGiveTheSameTable) {
  EXPECT_EQ(UserTablePath("/etc/users"), "/etc/users.cdb");
  EXPECT_EQ(UserTablePath("/etc/users.cdb"), "/etc/users.cdb");
}

TEST_F(UserTableTest, AFileThatIsNotATableIsDamaged) {
  const std::string secret = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
  const std::string good = absl::StrCat(secret, " 4096 mixed ", kCrypt);
  const auto open = [&](const files::TestDirectory::Records& records) {
    folder_.WriteCdb("users.cdb", records);
    EXPECT_EQ(chmod(UserTablePath(path_).c_str(), 0600), 0);
    return UserTable::Open(UserTablePath(path_));
  };
  ASSERT_TRUE(open({{"", good}}).ok());
  for (const std::string& head :
       {std::string(), secret, good + " ", good + "x", " " + good,
        absl::StrCat("AAAA 4096 mixed ", kCrypt),
        absl::StrCat(secret, " 4095 mixed ", kCrypt),
        absl::StrCat(secret, " 4096 some ", kCrypt)}) {
    const absl::Status status = open({{"", head}}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << head;
    EXPECT_THAT(std::string(status.message()), HasSubstr(UserTablePath(path_)));
  }
  EXPECT_TRUE(absl::IsDataLoss(open({{"a", kCrypt}}).status()));  // no head
  const absl::StatusOr<UserTable> table =
      open({{"", good}, {"anna", "$1$secret"}});
  ASSERT_TRUE(table.ok()) << table.status();
  const absl::Status found = table->Find("anna").status();
  EXPECT_EQ(found.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(found.message()),
              testing::AllOf(HasSubstr("users.cdb: user anna: "),
                             testing::Not(HasSubstr("secret"))));
  folder_.Remove("users.cdb");
  EXPECT_TRUE(absl::IsNotFound(UserTable::Open(UserTablePath(path_)).status()));
}

}  // namespace
}  // namespace postern::auth
