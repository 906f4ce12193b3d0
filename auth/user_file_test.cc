// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/user_file.h"

#include <sys/stat.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "auth/verifier.h"
#include "files/test_directory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace postern::auth {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kOne[] =
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"
    "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
    "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
constexpr char kTwo[] =
    "$5$saltsaltsalt$tom6DEvBcWRiSa99Ee2w38ZTYp0xKQww1YExc6kalX6";

std::string Sample() {
  return absl::StrCat("# the office\n\nanna:", kOne,
                      "\n#bert:gone\nb@c d:", kTwo, "\n\n# end\n");
}

std::vector<std::string> Names(const UserFile& file) {
  std::vector<std::string> names;
  for (const UserFile::User* user : file.users()) names.push_back(user->name);
  return names;
}

TEST(UserFileTest, PrintReturnsTheParsedText) {
  for (const std::string& text : {Sample(), std::string(), std::string("\n")}) {
    const absl::StatusOr<UserFile> file = UserFile::Parse(text, "users");
    ASSERT_TRUE(file.ok()) << file.status();
    EXPECT_EQ(file->Print(), text);
  }
  EXPECT_EQ(UserFile::Parse("# no end", "users")->Print(), "# no end\n");
}

TEST(UserFileTest, NamesAreComparedOctetByOctet) {
  const absl::StatusOr<UserFile> file = UserFile::Parse(Sample(), "users");
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_THAT(Names(*file), ElementsAre("anna", "b@c d"));
  ASSERT_NE(file->Find("anna"), nullptr);
  EXPECT_EQ(file->Find("anna")->text(), kOne);
  EXPECT_EQ(file->Find("b@c d")->text(), kTwo);
  for (const char* absent : {"", "Anna", "ann", "anna ", "bert", "#bert"}) {
    EXPECT_EQ(file->Find(absent), nullptr) << absent;
  }
}

TEST(UserFileTest, AChangeLeavesOtherLinesUnchanged) {
  UserFile file = *UserFile::Parse(Sample(), "users");
  file.Set("anna", *Verifier::Parse(kTwo));
  EXPECT_EQ(file.Print(),
            absl::StrCat("# the office\n\nanna:", kTwo,
                         "\n#bert:gone\nb@c d:", kTwo, "\n\n# end\n"));
  file.Set("new", *Verifier::Parse(kOne));
  EXPECT_TRUE(file.Remove("anna"));
  EXPECT_FALSE(file.Remove("anna"));
  EXPECT_EQ(file.Print(), absl::StrCat("# the office\n\n#bert:gone\nb@c d:",
                                       kTwo, "\n\n# end\nnew:", kOne, "\n"));
  // Users in lines after the removed line are still found.
  EXPECT_EQ(file.Find("b@c d")->text(), kTwo);
  EXPECT_EQ(file.Find("new")->text(), kOne);
  file.Set("b@c d", *Verifier::Parse(kOne));
  EXPECT_THAT(Names(file), ElementsAre("b@c d", "new"));
  EXPECT_EQ(UserFile::Parse(file.Print(), "users")->Print(), file.Print());
}

TEST(UserFileTest, ErrorsNameFileLineAndUserButNoSecret) {
  const struct {
    std::string line;
    absl::string_view message;
  } cases[] = {
      {"secret", "users:2: not NAME:VERIFIER"},
      {":secret", "users:2: a user's name must not be empty"},
      {" anna:secret", "users:2: a user's name must not begin or end"},
      {"anna :secret", "users:2: a user's name must not begin or end"},
      {"anna:secret", "users:2: user anna: neither SCRAM-SHA-256 nor"},
      {"anna:$1$saltsalt$secret", "users:2: user anna: neither"},
      {"anna:SCRAM-SHA-256$1:secret", "users:2: user anna: not SCRAM"},
      {absl::StrCat("anna:", kOne, " secret"), "users:2: user anna: a key"},
      {absl::StrCat("anna:", kOne, "\r"), "users:2: user anna: a key"},
      {absl::StrCat("anna:", kOne, "\nanna:", kTwo),
       "users:3: user anna: is in line 2 already"},
      {absl::StrCat("an\tna:", kOne),
       "users:2: a user's name must be text that"},
      {absl::StrCat("u\xCC\x88:", kOne),
       "users:2: a user's name must be in the form of SASLprep (RFC 4013): "
       "\"\xC3\xBC\""},
      {absl::StrCat(std::string(256, 'x'), ":", kOne),
       "users:2: a user's name must have at most 255 octets"},
  };
  for (const auto& [line, message] : cases) {
    const absl::Status status =
        UserFile::Parse(absl::StrCat("# first\n", line, "\n"), "users")
            .status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << line;
    EXPECT_THAT(std::string(status.message()), HasSubstr(std::string(message)));
    EXPECT_FALSE(absl::StrContains(status.message(), "secret")) << status;
  }
}

TEST(UserFileTest, RefusesInvalidNames) {
  for (const absl::string_view name :
       {"", "#a", "a:b", " a", "a ", "\xFF", "a\nb", "a\x1b[2J"}) {
    EXPECT_FALSE(CheckUserName(name).ok()) << name;
  }
  for (const absl::string_view name :
       {"a", "a#", "a b", "a@b.example", "\xC3\xBC", "=,+-_.!"}) {
    EXPECT_TRUE(CheckUserName(name).ok()) << name;
  }
  EXPECT_TRUE(CheckUserName(std::string(kMaxUserName, 'x')).ok());
}

TEST(UserFileTest, DoesNotReadAFileThatIsOpenToOtherUsers) {
  files::TestDirectory folder;
  folder.Write("users", Sample());
  const std::string path = folder.File("users");
  for (const mode_t mode : {0600u, 0640u, 0660u, 0400u}) {
    ASSERT_EQ(chmod(path.c_str(), mode), 0);
    EXPECT_TRUE(UserFile::Read(path).ok()) << mode;
  }
  for (const mode_t mode : {0644u, 0604u, 0602u, 0666u}) {
    ASSERT_EQ(chmod(path.c_str(), mode), 0);
    EXPECT_EQ(UserFile::Read(path).status().message(),
              absl::StrCat(path,
                           ": other users can read or write it: "
                           "run \"chmod o= ",
                           path, "\""));
  }
  folder.Remove("users");
  EXPECT_TRUE(absl::IsNotFound(UserFile::Read(path).status()));
}

}  // namespace
}  // namespace postern::auth
