// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "files/cdb.h"

#include <sys/stat.h>
#include <unistd.h>

#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "files/test_directory.h"
#include "gtest/gtest.h"

namespace postern::files {
namespace {

const TestDirectory::Records& Sample() {
  static const auto* const records = new TestDirectory::Records{
      {"local.example", ""},
      {".sub.example", ""},
      {"127.", std::string("+RELAYCLIENT=\0+RBLSMTPD=\0", 25)},
      {"", "the empty key"},
      {std::string("nul\0key", 7), "n"},
      {"twice", "first"},
      {"twice", "second"},
      {std::string(300, 'k'), std::string(5000, 'v')},
  };
  return *records;
}

// Keys that are not in Sample(), but have the length of one or resemble one.
const std::vector<std::string>& AbsentKeys() {
  static const auto* const keys = new std::vector<std::string>{
      "local.exampl",
      "local.example.",
      "LOCAL.EXAMPLE",
      "local.exampld",
      "sub.example",
      ".tub.example",
      "128.",
      "nul",
      "k",
      "x",
      std::string(1, '\0'),
      std::string(300, 'l'),
  };
  return *keys;
}

TEST(CdbTest, FindsRecordsThatTinycdbWrote) {
  TestDirectory directory;
  directory.WriteCdb("x.cdb", Sample());
  const absl::StatusOr<Cdb> cdb = Cdb::Open(directory.File("x.cdb"));
  ASSERT_TRUE(cdb.ok()) << cdb.status();
  EXPECT_EQ(cdb->path(), directory.File("x.cdb"));
  for (const auto& [key, value] : Sample()) {
    const auto found = cdb->Find(key);
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_EQ(*found, key == "twice" ? "first" : value);
    const auto contains = cdb->Contains(key);
    ASSERT_TRUE(contains.ok());
    EXPECT_TRUE(*contains);
  }
  for (const std::string& key : AbsentKeys()) {
    SCOPED_TRACE(key);
    const auto found = cdb->Find(key);
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_EQ(*found, std::nullopt);
    EXPECT_FALSE(*cdb->Contains(key));
  }
}

TEST(CdbTest, FindsEachOfManyKeys) {
  TestDirectory directory;
  TestDirectory::Records records;
  for (int i = 0; i < 20000; ++i) {
    records.emplace_back("key" + std::to_string(i), std::to_string(i));
  }
  directory.WriteCdb("x.cdb", records);
  const absl::StatusOr<Cdb> cdb = Cdb::Open(directory.File("x.cdb"));
  ASSERT_TRUE(cdb.ok()) << cdb.status();
  for (const auto& [key, value] : records) {
    ASSERT_EQ(*cdb->Find(key), value);
    ASSERT_FALSE(*cdb->Contains(key + "x"));
  }
}

TEST(CdbTest, AnEmptyDatabaseHasNoRecords) {
  TestDirectory directory;
  directory.WriteCdb("x.cdb", {});
  ASSERT_EQ(directory.Read("x.cdb").size(), 2048u);
  const absl::StatusOr<Cdb> cdb = Cdb::Open(directory.File("x.cdb"));
  ASSERT_TRUE(cdb.ok()) << cdb.status();
  EXPECT_FALSE(*cdb->Contains(""));
  EXPECT_FALSE(*cdb->Contains("a"));
}

TEST(CdbTest, ForEachVisitsAllRecordsInOrder) {
  TestDirectory directory;
  directory.WriteCdb("x.cdb", Sample());
  const absl::StatusOr<Cdb> cdb = Cdb::Open(directory.File("x.cdb"));
  ASSERT_TRUE(cdb.ok());
  TestDirectory::Records found;
  const auto add = [&found](absl::string_view key, absl::string_view data) {
    found.emplace_back(key, data);
    return true;
  };
  EXPECT_TRUE(cdb->ForEach(add).ok());
  EXPECT_EQ(found, Sample());
  found.clear();
  EXPECT_TRUE(cdb->ForEach([&](absl::string_view key, absl::string_view data) {
                   return add(key, data) && found.size() < 2;
                 })
                  .ok());
  EXPECT_EQ(found.size(), 2u);
  ASSERT_EQ(truncate(directory.File("x.cdb").c_str(), 2048 + 30), 0);
  EXPECT_EQ(cdb->ForEach(add).code(), absl::StatusCode::kDataLoss);

  directory.WriteCdb("empty.cdb", {});
  found.clear();
  EXPECT_TRUE(Cdb::Open(directory.File("empty.cdb"))->ForEach(add).ok());
  EXPECT_TRUE(found.empty());
}

TEST(CdbTest, OnlyAMissingFileIsNotFound) {
  TestDirectory directory;
  directory.MakeDirectory("directory");
  directory.MakeLoop("loop");
  directory.Write("empty", "");
  directory.Write("short", std::string(2047, '\0'));
  ASSERT_EQ(mkfifo(directory.File("fifo").c_str(), 0600), 0);
  for (absl::string_view name :
       {"none", "directory", "loop", "empty", "short", "fifo"}) {
    SCOPED_TRACE(std::string(name));
    const absl::Status status = Cdb::Open(directory.File(name)).status();
    EXPECT_FALSE(status.ok());
    EXPECT_EQ(absl::IsNotFound(status), name == "none") << status;
    EXPECT_TRUE(absl::StrContains(status.message(), directory.File(name)))
        << status;
  }
}

// Opens x.cdb in `directory` and searches for all keys. Any error is
// acceptable, but a key that was never in the file must not be found.
void LookForEverything(const TestDirectory& directory) {
  const absl::StatusOr<Cdb> cdb = Cdb::Open(directory.File("x.cdb"));
  if (!cdb.ok()) return;
  for (const auto& [key, value] : Sample()) (void)cdb->Find(key);  // no crash
  for (const std::string& key : AbsentKeys()) {
    const auto found = cdb->Contains(key);
    EXPECT_FALSE(found.ok() && *found) << key;
  }
}

TEST(CdbTest, RefusesAFileTruncatedAnywhere) {
  TestDirectory directory;
  directory.WriteCdb("x.cdb", Sample());
  const std::string whole = directory.Read("x.cdb");
  for (size_t size = 0; size < whole.size(); ++size) {
    directory.Write("x.cdb", absl::string_view(whole).substr(0, size));
    const absl::StatusOr<Cdb> cdb = Cdb::Open(directory.File("x.cdb"));
    // The hash tables are last, so a part of one is always missing.
    ASSERT_EQ(cdb.status().code(), absl::StatusCode::kDataLoss) << size;
  }
}

TEST(CdbTest, ReportsThatAnOpenFileWasTruncated) {
  TestDirectory directory;
  directory.WriteCdb("x.cdb", Sample());
  const absl::StatusOr<Cdb> cdb = Cdb::Open(directory.File("x.cdb"));
  ASSERT_TRUE(cdb.ok());
  const size_t whole = directory.Read("x.cdb").size();
  for (size_t size = whole; size-- > 0;) {
    ASSERT_EQ(
        truncate(directory.File("x.cdb").c_str(), static_cast<off_t>(size)), 0);
    for (const std::string& key : AbsentKeys()) {
      const auto found = cdb->Contains(key);
      ASSERT_FALSE(found.ok() && *found) << key << " at " << size;
    }
  }
  const auto found = cdb->Find("local.example");
  ASSERT_EQ(found.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE(absl::StrContains(found.status().message(),
                                directory.File("x.cdb") + ": short read at "))
      << found.status();
}

TEST(CdbTest, DoesNotTrustOffsetsOrLengths) {
  TestDirectory directory;
  directory.WriteCdb("x.cdb", Sample());
  const std::string whole = directory.Read("x.cdb");
  std::mt19937 random(20261121);
  for (int round = 0; round < 4000; ++round) {
    std::string bytes = whole;
    const int changes = 1 + static_cast<int>(random() % 8);
    for (int i = 0; i < changes; ++i) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    // In half of the rounds only the numbers are changed. Other changes of key
    // bytes could create an absent key.
    for (size_t at = 2048; at < whole.size(); ++at) {
      if (round % 2 == 0 && bytes[at] != whole[at]) {
        bytes[at] = static_cast<char>(0xff);
      }
    }
    directory.Write("x.cdb", bytes);
    LookForEverything(directory);
    const absl::StatusOr<Cdb> cdb = Cdb::Open(directory.File("x.cdb"));
    if (!cdb.ok()) continue;
    size_t read = 0;
    (void)cdb->ForEach([&](absl::string_view key, absl::string_view data) {
      read += 8 + key.size() + data.size();
      return true;
    });
    EXPECT_LE(read, bytes.size());
  }
}

TEST(CdbTest, DataThatIsTooLargeIsAnError) {
  TestDirectory directory;
  directory.WriteCdb("x.cdb", {{"k", "v"}});
  // A damaged or malicious file: the record is the first after the header, and
  // claims 1 GiB of data. The file is sparse.
  std::string bytes = directory.Read("x.cdb");
  const uint32_t length = uint32_t{1} << 30;
  for (size_t i = 0; i < 4; ++i) {
    bytes[2048 + 4 + i] = static_cast<char>(length >> (8 * i) & 0xff);
  }
  directory.Write("x.cdb", bytes);
  ASSERT_EQ(truncate(directory.File("x.cdb").c_str(), off_t{2} << 30), 0);
  const absl::StatusOr<Cdb> cdb = Cdb::Open(directory.File("x.cdb"));
  ASSERT_TRUE(cdb.ok()) << cdb.status();
  const auto found = cdb->Find("k");
  EXPECT_TRUE(absl::IsDataLoss(found.status())) << found.status();
  EXPECT_TRUE(absl::StrContains(found.status().message(), "too large"));
  EXPECT_TRUE(*cdb->Contains("k"));
}

// The same for ForEach(). The record is inside the file, which is sparse.
TEST(CdbTest, ForEachReportsARecordThatIsTooLarge) {
  TestDirectory directory;
  const auto put = [](uint64_t number, size_t at, std::string* bytes) {
    for (size_t i = 0; i < 4; ++i) {
      (*bytes)[at + i] = static_cast<char>(number >> (8 * i) & 0xff);
    }
  };
  for (const bool too_large : {false, true}) {
    directory.WriteCdb("x.cdb", {{"k", "v"}});
    std::string bytes = directory.Read("x.cdb");
    const uint64_t length = Cdb::kMaxData - (too_large ? 0 : 1);
    put(length, 2048 + 4, &bytes);
    // After the record follows the only hash table that is not empty.
    const uint64_t end = 2048 + 8 + 1 + length;
    for (size_t at = 0; at < 2048; at += 8) {
      if (bytes[at + 4] != 0) put(end, at, &bytes);
    }
    directory.Write("x.cdb", bytes);
    ASSERT_EQ(truncate(directory.File("x.cdb").c_str(),
                       static_cast<off_t>(end + 1000)),
              0);
    const absl::StatusOr<Cdb> cdb = Cdb::Open(directory.File("x.cdb"));
    ASSERT_TRUE(cdb.ok()) << cdb.status();
    size_t walked = 0;
    const absl::Status status =
        cdb->ForEach([&](absl::string_view, absl::string_view data) {
          walked += data.size();
          return true;
        });
    EXPECT_EQ(walked, too_large ? 0 : length);
    EXPECT_EQ(absl::IsDataLoss(status), too_large) << status;
    EXPECT_EQ(absl::StrContains(status.message(), "too large"), too_large);
  }
}

TEST(CdbTest, ASearchEndsInATableWithoutAnEmptySlot) {
  TestDirectory directory;
  directory.WriteCdb("x.cdb", Sample());
  std::string bytes = directory.Read("x.cdb");
  // All bytes after the header form slots that are not empty. Each table begins
  // there and has as many slots as possible.
  for (size_t at = 2048; at < bytes.size(); ++at) bytes[at] = '\1';
  const uint32_t slots = static_cast<uint32_t>((bytes.size() - 2048) / 8);
  for (size_t at = 0; at < 2048; at += 8) {
    const uint32_t numbers[2] = {2048, slots};
    for (size_t i = 0; i < 8; ++i) {
      bytes[at + i] = static_cast<char>(numbers[i / 4] >> (8 * (i % 4)));
    }
  }
  directory.Write("x.cdb", bytes);
  const absl::StatusOr<Cdb> cdb = Cdb::Open(directory.File("x.cdb"));
  ASSERT_TRUE(cdb.ok()) << cdb.status();
  for (const std::string& key : AbsentKeys()) {
    const auto found = cdb->Contains(key);
    EXPECT_TRUE(found.ok() && !*found);
  }
}

TEST(CdbTest, KeepsReadingTheFileThatItOpened) {
  TestDirectory directory;
  directory.WriteCdb("x.cdb", {{"old", "1"}});
  absl::StatusOr<Cdb> cdb = Cdb::Open(directory.File("x.cdb"));
  ASSERT_TRUE(cdb.ok());
  directory.WriteCdb("x.tmp", {{"new", "2"}});
  ASSERT_EQ(
      rename(directory.File("x.tmp").c_str(), directory.File("x.cdb").c_str()),
      0);
  EXPECT_TRUE(*cdb->Contains("old"));
  EXPECT_FALSE(*cdb->Contains("new"));
  // Also after moves, which pass on the descriptor.
  absl::StatusOr<Cdb> other = Cdb::Open(directory.File("x.cdb"));
  ASSERT_TRUE(other.ok());
  Cdb moved = *std::move(cdb);
  EXPECT_TRUE(*moved.Contains("old"));
  moved = *std::move(other);
  EXPECT_TRUE(*moved.Contains("new"));
}

TEST(CdbTest, ThreadsCanShareOneObject) {
  TestDirectory directory;
  TestDirectory::Records records;
  for (int i = 0; i < 500; ++i) {
    records.emplace_back("key" + std::to_string(i), std::to_string(i));
  }
  directory.WriteCdb("x.cdb", records);
  const absl::StatusOr<Cdb> cdb = Cdb::Open(directory.File("x.cdb"));
  ASSERT_TRUE(cdb.ok());
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (const auto& [key, value] : records) {
        EXPECT_EQ(*cdb->Find(key), value);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace postern::files
