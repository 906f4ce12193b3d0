// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/temporary_folder.h"

#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>  // NOLINT(build/c++17)
#include <fstream>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace postern::delivery {

TemporaryFolder::TemporaryFolder()
    : path_(absl::StrCat(testing::TempDir(), "/postern.XXXXXX")) {
  umask(022);  // the modes of files are the test's, not its caller's
  EXPECT_NE(mkdtemp(path_.data()), nullptr) << path_;
}

TemporaryFolder::~TemporaryFolder() { std::filesystem::remove_all(path_); }

std::string TemporaryFolder::Path(absl::string_view name) const {
  return name.empty() ? path_ : absl::StrCat(path_, "/", name);
}

std::vector<std::string> TemporaryFolder::List(absl::string_view name) const {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(Path(name))) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> TemporaryFolder::Contents(
    absl::string_view name) const {
  std::vector<std::string> contents;
  for (const std::string& file : List(name)) {
    contents.push_back(Read(absl::StrCat(name, "/", file)));
  }
  std::sort(contents.begin(), contents.end());
  return contents;
}

std::string TemporaryFolder::Read(absl::string_view name) const {
  std::ifstream in(Path(name), std::ios::binary);
  EXPECT_TRUE(in.is_open()) << name;
  return {std::istreambuf_iterator<char>(in), {}};
}

void TemporaryFolder::Write(absl::string_view name,
                            absl::string_view contents) const {
  std::ofstream out(Path(name), std::ios::binary);
  out.write(contents.data(), static_cast<std::streamsize>(contents.size()));
  EXPECT_TRUE(out.good()) << name;
}

void TemporaryFolder::MakeFolder(absl::string_view name) const {
  std::filesystem::create_directories(Path(name));
}

void TemporaryFolder::MakeMaildir(absl::string_view name) const {
  for (const char* part : {"tmp", "new", "cur"}) {
    MakeFolder(absl::StrCat(name, "/", part));
  }
}

size_t CountOpenDescriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<size_t>(std::distance(begin(all), end(all)));
}

}  // namespace postern::delivery
