// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/spool.h"

#include <errno.h>

#include <random>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "delivery/faulty_file_system.h"
#include "files/test_directory.h"
#include "gtest/gtest.h"

namespace postern::delivery {
namespace {

std::string ReadAll(const Spool& spool, size_t room) {
  std::string all;
  std::string piece(room, '\0');
  while (true) {
    const ssize_t count = spool.Read(all.size(), piece.data(), room);
    EXPECT_GE(count, 0);
    if (count <= 0) return all;
    all.append(piece, 0, static_cast<size_t>(count));
  }
}

TEST(SpoolTest, ReturnsWhatWasAppended) {
  const files::TestDirectory folder;
  std::mt19937 random(1);
  for (const size_t size : {size_t{0}, size_t{1}, Spool::kInMemory,
                            Spool::kInMemory + 1, 4 * Spool::kInMemory + 7}) {
    std::string text(size, '\0');
    for (char& c : text) c = static_cast<char>(random());
    Spool spool(folder.path());
    absl::string_view rest = text;
    while (!rest.empty()) {
      const absl::string_view piece = rest.substr(0, random() % 100000 + 1);
      spool.Append(piece);
      rest.remove_prefix(piece.size());
    }
    EXPECT_TRUE(spool.status().ok()) << spool.status();
    EXPECT_EQ(spool.size(), size);
    EXPECT_TRUE(ReadAll(spool, 70000) == text);
    char none = 'x';
    EXPECT_EQ(spool.Read(size, &none, 1), 0);
    EXPECT_EQ(spool.Read(size + 1, &none, 1), 0);
  }
}

TEST(SpoolTest, FileHasNoName) {
  const files::TestDirectory folder;
  Spool spool(folder.path());
  spool.Append(std::string(Spool::kInMemory + 1, 'x'));
  EXPECT_TRUE(spool.status().ok()) << spool.status();
  EXPECT_EQ(HoldsEntries(PosixFileSystem(), folder.path()), 0);
}

TEST(SpoolTest, ErrorsAreRememberedAndNameTheDirectory) {
  using Op = FaultyFileSystem::Op;
  const files::TestDirectory folder;
  const struct {
    Op op;
    int error;
    bool full;
  } cases[] = {{Op::kOpen, EACCES, false}, {Op::kOpen, ENOSPC, true},
               {Op::kWrite, ENOSPC, true}, {Op::kWrite, EDQUOT, true},
               {Op::kWrite, EFBIG, true},  {Op::kWrite, EIO, false}};
  for (const auto& c : cases) {
    FaultyFileSystem files(PosixFileSystem());
    Spool spool(folder.path(), files);
    spool.Append("small");
    EXPECT_TRUE(spool.status().ok());
    files.FailEvery(c.op, c.error);
    spool.Append(std::string(Spool::kInMemory, 'x'));
    EXPECT_EQ(absl::IsResourceExhausted(spool.status()), c.full);
    EXPECT_EQ(absl::IsUnavailable(spool.status()), !c.full);
    EXPECT_TRUE(absl::StrContains(spool.status().message(), folder.path()));
    files.Heal();
    spool.Append("more");
    EXPECT_FALSE(spool.status().ok());
  }
}

TEST(SpoolTest, ReadReportsADamagedFile) {
  const files::TestDirectory folder;
  FaultyFileSystem files(PosixFileSystem());
  Spool spool(folder.path(), files);
  spool.Append(std::string(Spool::kInMemory + 1, 'x'));
  files.FailEvery(FaultyFileSystem::Op::kRead, EIO);
  char c = 0;
  EXPECT_EQ(spool.Read(0, &c, 1), -1);
  files.Fail(1, EINTR);
  EXPECT_EQ(spool.Read(0, &c, 1), 1);
}

TEST(SpoolTest, DirectoryIsChecked) {
  const files::TestDirectory folder;
  EXPECT_TRUE(Spool::CheckDirectory(folder.path()).ok());
  const absl::Status status = Spool::CheckDirectory(folder.File("none"));
  EXPECT_TRUE(absl::StrContains(status.message(), folder.File("none")))
      << status;
}

}  // namespace
}  // namespace postern::delivery
