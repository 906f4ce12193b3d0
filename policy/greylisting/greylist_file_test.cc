// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/greylisting/greylist_file.h"

#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "files/test_directory.h"
#include "gtest/gtest.h"

namespace postern::policy {
namespace {

using Access = GreylistFile::Access;

constexpr absl::Duration kDelay = absl::Seconds(300);
constexpr absl::Duration kWindow = absl::Hours(48);
constexpr absl::Duration kLifetime = absl::Hours(35 * 24);
constexpr absl::Duration kPass = absl::ZeroDuration();

GreylistKey Key(absl::string_view sender, absl::string_view network = "n") {
  return {std::string(network), std::string(sender), "u@d.example"};
}

class GreylistFileTest : public testing::Test {
 protected:
  GreylistFileTest() { options_.file = directory_.File("greylist"); }

  // Opens the file, perhaps again: the server restarts.
  void Restart(Access access = Access::kReadWrite) {
    table_.reset();
    table_ = std::make_unique<GreylistFile>(options_, [this] { return now_; });
    const absl::Status status = table_->Open(access);
    ASSERT_TRUE(status.ok()) << status;
  }

  absl::Duration Attempt(const GreylistKey& key) {
    if (table_ == nullptr) Restart();
    const auto wait = table_->Attempt(key);
    EXPECT_TRUE(wait.ok()) << wait.status();
    return wait.ok() ? *wait : absl::InfiniteDuration();
  }

  // Makes two attempts, of which the second one passes.
  void Pass(const GreylistKey& key) {
    (void)Attempt(key);
    now_ += kDelay;
    EXPECT_EQ(Attempt(key), kPass);
  }

  files::TestDirectory directory_;
  GreylistOptions options_;
  absl::Time now_ = absl::FromUnixSeconds(1800000000);
  std::unique_ptr<GreylistFile> table_;
};

TEST_F(GreylistFileTest, SecondAttemptPassesAfterTheDelay) {
  EXPECT_EQ(Attempt(Key("s")), kDelay);
  now_ += kDelay - absl::Seconds(1);
  EXPECT_EQ(Attempt(Key("s")), absl::Seconds(1));
  EXPECT_EQ(Attempt(Key("other")), kDelay);
  EXPECT_EQ(Attempt(Key("s", "other")), kDelay);
  now_ += absl::Seconds(1);
  EXPECT_EQ(Attempt(Key("s")), kPass);
  EXPECT_EQ(Attempt(Key("s")), kPass);
}

TEST_F(GreylistFileTest, NullSenderIsASender) {
  EXPECT_EQ(Attempt(Key("")), kDelay);
  now_ += kDelay;
  EXPECT_EQ(Attempt(Key("")), kPass);
}

TEST_F(GreylistFileTest, AttemptAfterTheWindowIsAFirstOne) {
  EXPECT_EQ(Attempt(Key("s")), kDelay);
  EXPECT_EQ(Attempt(Key("t")), kDelay);
  now_ += kWindow;
  EXPECT_EQ(Attempt(Key("t")), kPass);
  now_ += absl::Seconds(1);
  EXPECT_EQ(Attempt(Key("s")), kDelay);
  now_ += kDelay;
  EXPECT_EQ(Attempt(Key("s")), kPass);
}

TEST_F(GreylistFileTest, WhatHasPassedIsValidForItsLifetimeAfterItsLastUse) {
  Pass(Key("s"));
  now_ += kLifetime;
  EXPECT_EQ(Attempt(Key("s")), kPass);
  now_ += kLifetime;
  EXPECT_EQ(Attempt(Key("s")), kPass);
  now_ += kLifetime + absl::Seconds(1);
  EXPECT_EQ(Attempt(Key("s")), kDelay);
}

TEST_F(GreylistFileTest, LearnsWhatAnotherTableLetsPass) {
  Restart();
  EXPECT_TRUE(table_->Pass(Key("new")).ok());
  EXPECT_EQ(Attempt(Key("new")), kPass);
  EXPECT_EQ(Attempt(Key("waits")), kDelay);
  EXPECT_TRUE(table_->Pass(Key("waits")).ok());
  EXPECT_EQ(Attempt(Key("waits")), kPass);
  EXPECT_EQ(Attempt(Key("unknown")), kDelay);
  for (int i = 0; i < 4; ++i) {
    now_ += absl::Hours(1);
    EXPECT_TRUE(table_->Pass(Key(absl::StrCat("s", i))).ok());
  }
  EXPECT_EQ(Attempt(Key("of a whitelisted network")), kPass);
  EXPECT_EQ(Attempt(Key("s", "other")), kDelay);
}

TEST_F(GreylistFileTest, NetworkIsWhitelistedAfterFiveSuccesses) {
  for (int i = 0; i < 5; ++i) {
    Pass(Key(absl::StrCat("s", i)));
    now_ += absl::Hours(1);
  }
  EXPECT_EQ(Attempt(Key("new")), kPass);
  EXPECT_EQ(Attempt(Key("new", "other")), kDelay);
  // Use prolongs it.
  now_ += kLifetime;
  EXPECT_EQ(Attempt(Key("newer")), kPass);
  now_ += kLifetime;
  EXPECT_EQ(Attempt(Key("newest")), kPass);
  now_ += kLifetime + absl::Seconds(1);
  EXPECT_EQ(Attempt(Key("last")), kDelay);
}

// A message to many recipients tries again once, and has earned one success.
TEST_F(GreylistFileTest, SuccessesOfOneHourCountOnce) {
  for (int i = 0; i < 20; ++i) (void)Attempt(Key(absl::StrCat("s", i)));
  now_ += kDelay;
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(Attempt(Key(absl::StrCat("s", i))), kPass);
  }
  EXPECT_EQ(Attempt(Key("new")), kDelay);
}

TEST_F(GreylistFileTest, ClockThatGoesBackGivesNoPassAndNoLongerWait) {
  EXPECT_EQ(Attempt(Key("s")), kDelay);
  now_ -= absl::Hours(1);
  EXPECT_EQ(Attempt(Key("s")), kDelay);
  now_ -= absl::Hours(24 * 365);
  EXPECT_EQ(Attempt(Key("s")), kDelay);
  now_ += kDelay - absl::Seconds(1);
  EXPECT_EQ(Attempt(Key("s")), absl::Seconds(1));
  now_ += absl::Seconds(1);
  EXPECT_EQ(Attempt(Key("s")), kPass);
  // What has passed stays valid, and not longer than its lifetime from now on.
  now_ -= absl::Hours(24 * 365);
  EXPECT_EQ(Attempt(Key("s")), kPass);
  now_ += kLifetime + absl::Seconds(1);
  EXPECT_EQ(Attempt(Key("s")), kDelay);
}

TEST_F(GreylistFileTest, TableSurvivesARestart) {
  EXPECT_EQ(Attempt(Key("s")), kDelay);
  Pass(Key("t"));
  Restart();
  EXPECT_EQ(Attempt(Key("s")), kPass);
  EXPECT_EQ(Attempt(Key("t")), kPass);
}

TEST_F(GreylistFileTest, KilledProcessLosesNothing) {
  const pid_t child = fork();
  if (child == 0) {
    (void)Attempt(Key("s"));
    _exit(0);  // nothing is closed
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  now_ += kDelay;
  EXPECT_EQ(Attempt(Key("s")), kPass);
}

TEST_F(GreylistFileTest, TwoServersShareAFile) {
  GreylistFile other(options_, [this] { return now_; });
  Restart();
  ASSERT_TRUE(other.Open().ok());
  EXPECT_EQ(Attempt(Key("s")), kDelay);
  now_ += kDelay;
  EXPECT_EQ(*other.Attempt(Key("s")), kPass);
}

// Executes `sql`, as another process that uses the file.
void Execute(sqlite3* other, const std::string& sql) {
  EXPECT_EQ(sqlite3_exec(other, sql.c_str(), nullptr, nullptr, nullptr),
            SQLITE_OK)
      << sqlite3_errmsg(other);
}

// Otherwise each attempt in the queue would wait for as long as the first one.
TEST_F(GreylistFileTest, OnlyTheFirstAttemptWaitsForALockedFile) {
  Restart();
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(options_.file.c_str(), &other), SQLITE_OK);
  Execute(other, "BEGIN IMMEDIATE");
  const absl::Time begin = absl::Now();
  EXPECT_TRUE(absl::IsUnavailable(table_->Attempt(Key("s")).status()));
  const absl::Time waited = absl::Now();
  EXPECT_GE(waited - begin, GreylistFile::kBusy - absl::Seconds(1));
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(absl::IsUnavailable(table_->Attempt(Key("s")).status()));
  }
  EXPECT_LT(absl::Now() - waited, GreylistFile::kBusy);
  Execute(other, "ROLLBACK");
  sqlite3_close(other);
  absl::SleepFor(GreylistFile::kBusy);
  EXPECT_EQ(Attempt(Key("s")), kDelay);
}

TEST_F(GreylistFileTest, NetworkOfAnotherServerIsNotOverwritten) {
  EXPECT_EQ(Attempt(Key("s")), kDelay);
  now_ += kDelay;
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(options_.file.c_str(), &other), SQLITE_OK);
  Execute(other, absl::StrCat("BEGIN IMMEDIATE; INSERT INTO networks "
                              "(network, successes, last) VALUES ('n', 3, ",
                              absl::ToUnixSeconds(now_) - 3600, ")"));
  std::thread waiting([this] { EXPECT_EQ(Attempt(Key("s")), kPass); });
  // The attempt now reads the row, and waits for the other server.
  absl::SleepFor(absl::Milliseconds(500));
  Execute(other, "COMMIT");
  waiting.join();
  sqlite3_stmt* row = nullptr;
  ASSERT_EQ(sqlite3_prepare_v2(other, "SELECT successes FROM networks", -1,
                               &row, nullptr),
            SQLITE_OK);
  ASSERT_EQ(sqlite3_step(row), SQLITE_ROW);
  EXPECT_EQ(sqlite3_column_int(row, 0), 4);
  sqlite3_finalize(row);
  sqlite3_close(other);
}

TEST_F(GreylistFileTest, ReaderRecordsNothing) {
  Restart();
  GreylistFile reader(options_, [this] { return now_; });
  ASSERT_TRUE(reader.Open(Access::kReadOnly).ok());
  EXPECT_EQ(*reader.Attempt(Key("s")), kDelay);
  now_ += kDelay;
  EXPECT_EQ(*reader.Attempt(Key("s")), kDelay);
  EXPECT_EQ(Attempt(Key("s")), kDelay);
  now_ += kDelay;
  EXPECT_EQ(*reader.Attempt(Key("s")), kPass);
  EXPECT_EQ(reader.Count()->networks, 0u);
}

TEST_F(GreylistFileTest, NumberOfRowsIsLimitedAndTheOldestGoes) {
  options_.max_entries = 200;
  Restart();
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(Attempt(Key("s", absl::StrCat("n", i))), kDelay);
    ASSERT_LE(table_->Count()->attempts, 200u);
  }
  EXPECT_EQ(table_->Count()->attempts, 200u);
  now_ += kDelay;
  EXPECT_EQ(Attempt(Key("s", "n999")), kPass);
  EXPECT_EQ(Attempt(Key("s", "n800")), kPass);
  EXPECT_EQ(Attempt(Key("s", "n799")), kDelay);
  // The networks that have passed have the same limit.
  for (int i = 0; i < 300; ++i) Pass(Key("s", absl::StrCat("m", i)));
  EXPECT_EQ(table_->Count()->networks, 200u);
  EXPECT_LE(table_->Count()->attempts, 200u);
}

TEST_F(GreylistFileTest, OneNetworkCannotRemoveTheAttemptsOfOthers) {
  options_.max_entries = 1000;
  Restart();
  EXPECT_EQ(Attempt(Key("s", "victim")), kDelay);
  for (int i = 0; i < 5000; ++i) {
    (void)Attempt(Key(absl::StrCat("s", i), "attacker"));
  }
  EXPECT_EQ(table_->Count()->attempts, 11u);
  now_ += kDelay;
  EXPECT_EQ(Attempt(Key("s", "victim")), kPass);
  EXPECT_EQ(Attempt(Key("s4999", "attacker")), kPass);
  EXPECT_EQ(Attempt(Key("s1", "attacker")), kDelay);
}

TEST_F(GreylistFileTest, RowsWhoseTimeIsOverAreRemoved) {
  for (int i = 0; i < 100; ++i) (void)Attempt(Key("s", absl::StrCat("n", i)));
  now_ += kWindow + absl::Seconds(1);
  for (int i = 0; i < 60; ++i) (void)Attempt(Key("s", absl::StrCat("m", i)));
  EXPECT_EQ(table_->Count()->attempts, 60u);
}

TEST_F(GreylistFileTest, LowerLimitAppliesAtTheStart) {
  for (int i = 0; i < 300; ++i) (void)Attempt(Key("s", absl::StrCat("n", i)));
  options_.max_entries = 100;
  Restart();
  EXPECT_EQ(table_->Count()->attempts, 100u);
  now_ += kDelay;
  EXPECT_EQ(Attempt(Key("s", "n299")), kPass);
  EXPECT_EQ(Attempt(Key("s", "n199")), kDelay);
}

TEST_F(GreylistFileTest, OnlyTheOwnerCanReadTheFile) {
  Restart();
  (void)Attempt(Key("s"));
  for (const char* name : {"greylist", "greylist-wal", "greylist-shm"}) {
    struct stat file = {};
    ASSERT_EQ(stat(directory_.File(name).c_str(), &file), 0) << name;
    EXPECT_EQ(file.st_mode & 0777, 0600u) << name;
  }
}

TEST_F(GreylistFileTest, FileThatIsNoTableIsAnErrorAtTheStart) {
  const auto open = [this](Access access) {
    return GreylistFile(options_).Open(access);
  };
  EXPECT_EQ(open(Access::kReadOnly).message(),
            absl::StrCat(options_.file, ": unable to open database file"));
  directory_.Write("greylist", std::string(5000, 'x'));
  EXPECT_EQ(open(Access::kReadWrite).message(),
            absl::StrCat(options_.file,
                         ": file is not a database; remove the file, and ",
                         options_.file, "-wal and ", options_.file,
                         "-shm, to begin with an empty table"));
  directory_.Remove("greylist");
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(options_.file.c_str(), &other), SQLITE_OK);
  ASSERT_EQ(
      sqlite3_exec(other, "CREATE TABLE t (c)", nullptr, nullptr, nullptr),
      SQLITE_OK);
  sqlite3_close(other);
  EXPECT_EQ(open(Access::kReadWrite).message(),
            absl::StrCat(options_.file, ": not a table of greylisting"));
  directory_.Remove("greylist");
  directory_.MakeDirectory("greylist");
  EXPECT_TRUE(
      absl::StartsWith(open(Access::kReadWrite).message(), options_.file));
}

// A server does not read the whole file while clients wait for its start.
TEST_F(GreylistFileTest, ReaderFindsDamageAndAWriterNeverPasses) {
  for (int i = 0; i < 500; ++i) {
    (void)Attempt(Key("s", absl::StrCat("n", i)));
  }
  table_.reset();
  std::string content = directory_.Read("greylist");
  ASSERT_GT(content.size(), 8192u);
  // Not the first page, which has the header.
  for (size_t i = 4096; i < content.size(); i += 3) content[i] = 'x';
  directory_.Write("greylist", content);
  const absl::Status status = GreylistFile(options_).Open(Access::kReadOnly);
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), "to begin with an empty"));
  GreylistFile writer(options_, [this] { return now_; });
  if (!writer.Open().ok()) return;  // SQLite may find it even so
  for (int i = 0; i < 500; ++i) {
    const auto wait = writer.Attempt(Key("s", absl::StrCat("n", i)));
    EXPECT_EQ(wait.value_or(kDelay), kDelay);
  }
}

TEST_F(GreylistFileTest, OutageIsAnErrorAndNoPass) {
  const GreylistKey key = Key("s");
  GreylistFile closed(options_);
  EXPECT_FALSE(closed.Attempt(key).ok());
  Restart();
  EXPECT_EQ(Attempt(key), kDelay);
  // Another program removes the table of attempts.
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(options_.file.c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "ALTER TABLE attempts RENAME TO x", nullptr,
                         nullptr, nullptr),
            SQLITE_OK);
  now_ += kDelay;
  const auto wait = table_->Attempt(key);
  EXPECT_EQ(wait.status().message(),
            absl::StrCat(options_.file, ": no such table: attempts"));
  ASSERT_EQ(sqlite3_exec(other, "ALTER TABLE x RENAME TO attempts", nullptr,
                         nullptr, nullptr),
            SQLITE_OK);
  sqlite3_close(other);
  EXPECT_EQ(Attempt(key), kPass);  // the outage is over
}

// A table without limits and without a file.
class Model {
 public:
  absl::Duration Attempt(const GreylistKey& key, absl::Time now) {
    Network& network = networks_[key.network];
    const bool known = network.successes > 0 && now - network.last <= kLifetime;
    if (known && network.successes >= 5) {
      if (now - network.last >= absl::Hours(1)) network.last = now;
      return kPass;
    }
    const auto [it, first] =
        rows_.try_emplace({key.network, key.sender}, Row{now, {}, false});
    Row& row = it->second;
    if (first) return kDelay;
    const bool valid = row.has_passed && now - row.passed <= kLifetime;
    const absl::Duration age = now - row.first;
    if (valid || (!row.has_passed && age >= kDelay && age <= kWindow)) {
      if (!valid || now - row.passed >= absl::Hours(1)) row.passed = now;
      row.has_passed = true;
      if (!known) {
        network = {1, now};
      } else if (now - network.last >= absl::Hours(1)) {
        network = {network.successes + 1, now};
      }
      return kPass;
    }
    if (!row.has_passed && age < kDelay) return kDelay - age;
    row = {now, {}, false};
    return kDelay;
  }

 private:
  struct Row {
    absl::Time first;
    absl::Time passed;
    bool has_passed;
  };
  struct Network {
    int successes = 0;
    absl::Time last;
  };
  std::map<std::pair<std::string, std::string>, Row> rows_;
  std::map<std::string, Network> networks_;
};

TEST_F(GreylistFileTest, BehavesLikeAModelWithoutAFile) {
  for (uint32_t seed = 0; seed < 8; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const auto below = [&](size_t n) { return random() % n; };
    options_.file = directory_.File(absl::StrCat("greylist", seed));
    Restart();
    Model model;
    for (int step = 0; step < 1500; ++step) {
      constexpr int64_t kSteps[] = {0, 1, 299, 300, 3600, 172800, 3024000};
      now_ += absl::Seconds(kSteps[below(below(8) == 0 ? 7 : 5)]);
      if (below(100) == 0) Restart();
      const GreylistKey key =
          Key(absl::StrCat("s", below(6)), absl::StrCat("n", below(3)));
      ASSERT_EQ(Attempt(key), model.Attempt(key, now_)) << step;
    }
  }
}

TEST_F(GreylistFileTest, ThreadsMayAskAtOneTime) {
  Restart();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < 100; ++i) {
        EXPECT_TRUE(
            table_->Attempt(Key(absl::StrCat("s", i), absl::StrCat("n", t)))
                .ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(table_->Count()->attempts, 400u);
}

}  // namespace
}  // namespace postern::policy
