// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "files/test_directory.h"

#include <cdb.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace postern::files {
namespace {

void Check(bool ok) {
  if (!ok) abort();
}

}  // namespace

TestDirectory::TestDirectory()
    : path_(absl::StrCat(testing::TempDir(), "/filesXXXXXX")) {
  umask(022);  // modes must not depend on the caller's umask
  Check(mkdtemp(path_.data()) != nullptr);
}

TestDirectory::~TestDirectory() { std::filesystem::remove_all(path_); }

void TestDirectory::Write(absl::string_view name, absl::string_view content) {
  // The file is removed, not truncated, because ext4 writes a truncated file to
  // the disk when it is closed. A FIFO stays, because a reader waits for it.
  if (!std::filesystem::is_fifo(File(name))) {
    std::filesystem::remove(File(name));
  }
  std::ofstream file(File(name), std::ios::binary);
  file.write(content.data(), static_cast<std::streamsize>(content.size()));
  file.close();
  Check(file.good());
}

void TestDirectory::WriteCdb(absl::string_view name, const Records& records) {
  const int fd =
      open(File(name).c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  Check(fd >= 0);
  struct cdb_make make;
  Check(cdb_make_start(&make, fd) == 0);
  for (const auto& [key, value] : records) {
    const int added =
        cdb_make_add(&make, key.data(), static_cast<unsigned>(key.size()),
                     value.data(), static_cast<unsigned>(value.size()));
    Check(added == 0);
  }
  Check(cdb_make_finish(&make) == 0);
  close(fd);
}

void TestDirectory::MakeDirectory(absl::string_view name) {
  std::filesystem::create_directories(File(name));
}

void TestDirectory::MakeLoop(absl::string_view name) {
  std::filesystem::create_symlink(std::string(name), File(name));
}

void TestDirectory::MakeMaildir(absl::string_view name) {
  for (const char* part : {"tmp", "new", "cur"}) {
    MakeDirectory(absl::StrCat(name, "/", part));
  }
}

void TestDirectory::Remove(absl::string_view name) {
  std::filesystem::remove_all(File(name));
}

std::string TestDirectory::Read(absl::string_view name) const {
  std::ifstream file(File(name), std::ios::binary);
  EXPECT_TRUE(file.is_open()) << File(name);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

std::vector<std::string> TestDirectory::List(absl::string_view name) const {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(File(name))) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> TestDirectory::Contents(absl::string_view name) const {
  std::vector<std::string> contents;
  for (const std::string& file : List(name)) {
    contents.push_back(Read(absl::StrCat(name, "/", file)));
  }
  std::sort(contents.begin(), contents.end());
  return contents;
}

std::string TestDirectory::File(absl::string_view name) const {
  return absl::StrCat(path_, "/", name);
}

size_t CountOpenDescriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<size_t>(std::distance(begin(all), end(all)));
}

}  // namespace postern::files
