// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/control/controls.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "files/test_directory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace postern::policy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();

// A directory with the files that ReadControls() requires.
class ControlsTest : public testing::Test {
 protected:
  ControlsTest() {
    folder_.Write("me", "mx.example.org\n");
    folder_.Write("rcpthosts", "local.example\n.sub.example\n");
  }

  ControlOptions Options() const { return {.directory = folder_.path()}; }

  Controls Read(const ControlOptions& options) const {
    absl::StatusOr<Controls> controls = ReadControls(options);
    EXPECT_TRUE(controls.ok()) << controls.status();
    return controls.ok() ? *std::move(controls) : Controls();
  }
  Controls Read() const { return Read(Options()); }

  // Returns whether the list accepts mail for `domain`.
  static bool Lists(const Controls& controls, absl::string_view domain) {
    const auto match = controls.rcpthosts.Find(domain);
    EXPECT_TRUE(match.ok()) << match.status();
    return match.ok() && match->has_value();
  }

  files::TestDirectory folder_;
};

TEST_F(ControlsTest, DefaultsAreThoseOfQmail) {
  const Controls controls = Read();
  EXPECT_EQ(controls.me, "mx.example.org");
  EXPECT_EQ(controls.greeting, "mx.example.org");
  EXPECT_EQ(controls.localiphost, "mx.example.org");
  EXPECT_EQ(controls.timeout, absl::Seconds(1200));
  EXPECT_EQ(controls.databytes, 0u);
  EXPECT_FALSE(controls.open_relay);
  EXPECT_TRUE(controls.badmailfrom.empty());
  EXPECT_TRUE(Lists(controls, "local.example"));
  EXPECT_FALSE(Lists(controls, "evil.example"));
  EXPECT_THAT(controls.warnings, IsEmpty());
}

TEST_F(ControlsTest, ReadsEveryFile) {
  folder_.Write("smtpgreeting", "mx.example NO UCE\n");
  folder_.Write("localiphost", "local.example\n");
  folder_.Write("timeoutsmtpd", "30\n");
  folder_.Write("databytes", "1000000\n");
  folder_.Write("badmailfrom", "s@x.example\n@bad.example\n");
  folder_.WriteCdb("morercpthosts.cdb", {{"more.example", ""}});
  const Controls controls = Read();
  EXPECT_EQ(controls.me, "mx.example.org");
  EXPECT_EQ(controls.greeting, "mx.example NO UCE");
  EXPECT_EQ(controls.localiphost, "local.example");
  EXPECT_EQ(controls.timeout, absl::Seconds(30));
  EXPECT_EQ(controls.databytes, 1000000u);
  EXPECT_EQ(controls.badmailfrom.Find({"u", "bad.example"}, false),
            folder_.File("badmailfrom") + ":2");
  EXPECT_TRUE(Lists(controls, "more.example"));
  EXPECT_THAT(controls.warnings, IsEmpty());
}

// qmail-smtpd behaviour 25.
TEST_F(ControlsTest, OneLineFilesHaveNoComments) {
  folder_.Write("me", "#c\n");
  EXPECT_EQ(Read().greeting, "#c");
}

// qmail-smtpd behaviour 26.
TEST_F(ControlsTest, MeOrSmtpGreetingIsRequired) {
  folder_.Remove("me");
  const absl::Status status = ReadControls(Options()).status();
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), folder_.File("me")));
  folder_.Write("smtpgreeting", "hello\n");
  const Controls controls = Read();
  EXPECT_EQ(controls.me, "");
  EXPECT_EQ(controls.greeting, "hello");
  EXPECT_EQ(controls.localiphost, std::nullopt);
}

TEST_F(ControlsTest, EmptyFileIsNotMissing) {
  folder_.Write("smtpgreeting", "");
  EXPECT_EQ(Read().greeting, "");
  folder_.Write("me", "");
  EXPECT_EQ(Read().me, "");
}

TEST_F(ControlsTest, OnlyADomainNameReplacesLiterals) {
  const struct {
    absl::string_view content;
    bool usable;
  } cases[] = {
      {"local.example", true},
      {"l_o-c.4", true},
      {"", false},  // would turn u@[127.0.0.1] into the local name u
      {"a@evil.example", false},
      {"local.example\r", false},
      {" local.example", false},
      {"#c", false},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(std::string(c.content));
    folder_.Write("localiphost", c.content);
    const Controls controls = Read();
    EXPECT_EQ(controls.localiphost.has_value(), c.usable);
    EXPECT_EQ(controls.warnings.empty(), c.usable);
  }
  folder_.Remove("localiphost");
  folder_.Write("me", "two words\n");
  const Controls controls = Read();
  EXPECT_EQ(controls.localiphost, std::nullopt);
  EXPECT_THAT(controls.warnings,
              ElementsAre(StartsWith(folder_.File("me") + ":1: ")));
}

TEST_F(ControlsTest, TimeoutIsAtLeastASecond) {
  const struct {
    absl::string_view content;
    int64_t seconds;
  } cases[] = {
      {"0\n", 1},  // qmail-smtpd behaviour 43
      {"1\n", 1},
      {"2junk\n", 2},
      {"-5\n", 1200},
      {"x\n", 1200},
      {"4294967295\n", std::numeric_limits<int32_t>::max()},
      {"99999999999999999999\n", std::numeric_limits<int32_t>::max()},
  };
  for (const auto& c : cases) {
    folder_.Write("timeoutsmtpd", c.content);
    EXPECT_EQ(Read().timeout, absl::Seconds(c.seconds))
        << std::string(c.content);
  }
}

TEST_F(ControlsTest, DatabytesDefaultComesFromTheOptions) {
  ControlOptions options = Options();
  options.databytes = 50;
  EXPECT_EQ(Read(options).databytes, 50u);
  folder_.Write("databytes", "0\n");
  EXPECT_EQ(Read(options).databytes, 0u);
  folder_.Write("databytes", "x\n");
  EXPECT_EQ(Read(options).databytes, 50u);
  options.databytes_env = "7";
  EXPECT_EQ(Read(options).databytes, 7u);
}

// qmail-smtpd behaviour 28.
TEST_F(ControlsTest, AnyValueInTheEnvironmentOverridesDatabytes) {
  folder_.Write("databytes", "2\n");
  EXPECT_EQ(Read().databytes, 2u);
  const struct {
    absl::string_view value;
    uint64_t bytes;
    bool warns;
  } cases[] = {
      {"5", 5, false},    {"0", 0, false},
      {"x", 0, true},     {"", 0, true},
      {"-1", 0, true},    {" 5", 0, true},
      {"10MB", 10, true}, {"18446744073709551616", kMax, false},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(std::string(c.value));
    ControlOptions options = Options();
    options.databytes_env = std::string(c.value);
    const Controls controls = Read(options);
    EXPECT_EQ(controls.databytes, c.bytes);
    EXPECT_EQ(controls.warnings.size(), c.warns ? 1u : 0u);
    if (c.warns) {
      EXPECT_THAT(controls.warnings[0], HasSubstr("DATABYTES"));
    }
  }
}

// qmail-smtpd behaviours 5 and 6, which postern does not copy: a missing file
// never means an open relay.
TEST_F(ControlsTest, RefusesToServeWithoutRcptHosts) {
  folder_.Remove("rcpthosts");
  for (bool more : {false, true}) {
    if (more) folder_.WriteCdb("morercpthosts.cdb", {{"more.example", ""}});
    const absl::Status status = ReadControls(Options()).status();
    EXPECT_TRUE(absl::IsNotFound(status)) << status;
    EXPECT_THAT(std::string(status.message()),
                StartsWith(folder_.File("rcpthosts") + ": no such file"));
    EXPECT_THAT(std::string(status.message()), HasSubstr("--open-relay"));
  }
  ControlOptions open = Options();
  open.open_relay = true;
  const Controls controls = Read(open);
  EXPECT_TRUE(controls.open_relay);
  EXPECT_FALSE(Lists(controls, "more.example"));  // not read, as in qmail
  EXPECT_THAT(controls.warnings, ElementsAre(HasSubstr("to anywhere")));
}

TEST_F(ControlsTest, EmptyRcptHostsListsNothing) {
  folder_.Write("rcpthosts", "# nothing yet\n");
  const Controls controls = Read();
  EXPECT_FALSE(controls.open_relay);
  EXPECT_FALSE(Lists(controls, "local.example"));
}

TEST_F(ControlsTest, ExistingListIsUsedWithOpenRelay) {
  ControlOptions open = Options();
  open.open_relay = true;
  const Controls controls = Read(open);
  EXPECT_FALSE(controls.open_relay);
  EXPECT_FALSE(Lists(controls, "evil.example"));
  EXPECT_THAT(controls.warnings, ElementsAre(HasSubstr("no effect")));
}

// qmail-smtpd behaviour 27.
TEST_F(ControlsTest, UnreadableFileIsAnErrorEvenForAnOpenRelay) {
  for (absl::string_view name :
       {"me", "smtpgreeting", "localiphost", "timeoutsmtpd", "rcpthosts",
        "morercpthosts.cdb", "badmailfrom", "databytes"}) {
    for (bool directory : {false, true}) {
      SCOPED_TRACE(std::string(name));
      files::TestDirectory folder;
      folder.Write("me", "mx.example.org\n");
      folder.Write("rcpthosts", "local.example\n");
      folder.Remove(name);
      if (directory) {
        folder.MakeDirectory(name);
      } else {
        folder.MakeLoop(name);
      }
      for (bool open_relay : {false, true}) {
        const absl::Status status =
            ReadControls({.directory = folder.path(), .open_relay = open_relay})
                .status();
        EXPECT_FALSE(status.ok());
        EXPECT_FALSE(absl::IsNotFound(status)) << status;
        EXPECT_TRUE(absl::StrContains(status.message(), folder.File(name)))
            << status;
      }
    }
  }
}

TEST_F(ControlsTest, DamagedDatabaseIsAnError) {
  for (size_t size : {0, 100, 2047}) {
    folder_.Write("morercpthosts.cdb", std::string(size, '\0'));
    const absl::Status status = ReadControls(Options()).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  }
}

TEST_F(ControlsTest, WarnsAboutProbableMistakes) {
  folder_.Write("me", "mx.example.org\r\n");
  folder_.Write("rcpthosts", "a\r\nb\r\n*.c\n d\n");
  folder_.Write("timeoutsmtpd", "30s\n");
  folder_.Write("databytes", "10MB\n");
  folder_.Write("badmailfrom", "@x.example\r\n");
  const auto at = [&](absl::string_view name, int line) {
    return StartsWith(folder_.File(name) + ":" + std::to_string(line) + ": ");
  };
  EXPECT_THAT(
      Read().warnings,
      ElementsAre(at("me", 1), at("me", 1), at("timeoutsmtpd", 1),
                  at("rcpthosts", 1), at("rcpthosts", 4), at("rcpthosts", 3),
                  at("badmailfrom", 1), at("databytes", 1)));
}

TEST_F(ControlsTest, WarnsAboutEntriesThatCanNeverMatch) {
  folder_.Write("rcpthosts", "local.example:mail.local.example\n");
  folder_.Write("badmailfrom", "*@x.example\n@.x.example\nx.example\n");
  const auto about = [&](absl::string_view name, int line) {
    return StartsWith(folder_.File(name) + ":" + std::to_string(line) +
                      ": the entry");
  };
  EXPECT_THAT(Read().warnings,
              ElementsAre(about("rcpthosts", 1), about("badmailfrom", 1),
                          about("badmailfrom", 2), about("badmailfrom", 3)));
}

TEST_F(ControlsTest, CheckDatabasesReadsTheRecords) {
  folder_.WriteCdb("morercpthosts.cdb",
                   {{"good.example", ""}, {"Capital.example", ""}});
  folder_.Write("senders", "ann:ann@x.example\n");
  folder_.WriteCdb("senders.cdb",
                   {{"bob", "@y.example bob@x"}, {"carl", "carl@"}});
  ControlOptions options = Options();
  options.senders = true;
  const Controls controls = Read(options);
  EXPECT_THAT(controls.warnings, IsEmpty());
  EXPECT_THAT(
      CheckDatabases(controls),
      ElementsAre(
          StartsWith(folder_.File("morercpthosts.cdb") +
                     ": key Capital.example: the entry "
                     "contains an upper-case letter and can never match"),
          StartsWith(folder_.File("senders.cdb") +
                     ": user carl: the entry contains an address without "
                     "a domain")));
}

TEST_F(ControlsTest, AllErrorsAreCollected) {
  folder_.Remove("rcpthosts");
  folder_.Remove("me");
  folder_.MakeDirectory("timeoutsmtpd");
  folder_.MakeDirectory("badmailfrom");
  folder_.Write("badmailfrompatterns", "a(\nb\n[c\n");
  folder_.Write("badhelo", "a{9\n");
  folder_.Write("senders.cdb", "damaged");
  folder_.Write("senders", "ann:@local.example\n");
  folder_.MakeDirectory("databytes");
  // Its targets cannot be judged without rcpthosts.
  folder_.Write("aliases", "ann: bob@local.example\n");
  ControlOptions options = Options();
  options.senders = true;
  options.aliases = true;
  std::vector<absl::Status> errors;
  ReadControls(options, &errors);
  std::vector<std::string> texts;
  for (const absl::Status& error : errors) {
    texts.emplace_back(error.message());
  }
  const auto at = [this](absl::string_view place) {
    return StartsWith(absl::StrCat(folder_.path(), "/", place, ": "));
  };
  EXPECT_THAT(texts, ElementsAre(at("me"), at("timeoutsmtpd"), at("rcpthosts"),
                                 at("badmailfrom"), at("badmailfrompatterns:1"),
                                 at("badmailfrompatterns:3"), at("badhelo:1"),
                                 HasSubstr(folder_.File("senders.cdb")),
                                 at("databytes")));
  EXPECT_EQ(ReadControls(options).status(), errors[0]);
}

TEST_F(ControlsTest, WarnsAboutATextFileWithoutADatabase) {
  folder_.Write("morercpthosts", "a.example\n");
  EXPECT_THAT(Read().warnings,
              ElementsAre(HasSubstr(": no effect, because there is no ")));
  folder_.WriteCdb("morercpthosts.cdb", {{"a.example", ""}});
  const auto set_time = [&](absl::string_view name, time_t seconds) {
    const timespec times[2] = {{seconds, 0}, {seconds, 0}};
    ASSERT_EQ(utimensat(AT_FDCWD, folder_.File(name).c_str(), times, 0), 0);
  };
  set_time("morercpthosts", 1000);
  set_time("morercpthosts.cdb", 1000);
  EXPECT_THAT(Read().warnings, IsEmpty());
  set_time("morercpthosts", 1001);
  EXPECT_THAT(Read().warnings, ElementsAre(HasSubstr(": newer than ")));
}

TEST_F(ControlsTest, SendersAreReadOnlyWithTheOption) {
  const Path bob = {"bob", "x.example"};
  folder_.MakeDirectory("senders");
  EXPECT_FALSE(Read().senders.has_value());
  EXPECT_THAT(Read().warnings,
              ElementsAre(HasSubstr("no effect without --senders")));
  ControlOptions options = Options();
  options.senders = true;
  EXPECT_FALSE(ReadControls(options).ok());

  folder_.Remove("senders");
  const absl::Status missing = ReadControls(options).status();
  EXPECT_TRUE(absl::IsNotFound(missing));
  EXPECT_THAT(std::string(missing.message()),
              StartsWith(folder_.File("senders") + ": no such file; "));

  folder_.Write("senders", "ann:bob@x.example\nbob\n");
  const Controls controls = Read(options);
  ASSERT_TRUE(controls.senders.has_value());
  EXPECT_TRUE(*controls.senders->Allows("ann", bob));
  EXPECT_THAT(controls.warnings,
              ElementsAre(StartsWith(folder_.File("senders") + ":2: ")));

  folder_.WriteCdb("senders.cdb", {{"eve", "bob@x.example"}});
  EXPECT_TRUE(*Read(options).senders->Allows("eve", bob));
  folder_.Write("senders.cdb", "no database");
  EXPECT_FALSE(ReadControls(options).ok());
}

}  // namespace
}  // namespace postern::policy
