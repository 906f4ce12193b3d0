// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A folder of files for tests.

#ifndef POSTERN_FILES_TEST_FOLDER_H_
#define POSTERN_FILES_TEST_FOLDER_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace postern::files {

// A new folder, removed with all that is in it at the end. Sets the umask to
// 022. Aborts the test program if the file system does not do as it is told.
class TestFolder {
 public:
  using Records = std::vector<std::pair<std::string, std::string>>;

  TestFolder();
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  ~TestFolder();

  // Writes the file `name`, as it is or as a cdb, made by tinycdb.
  void Write(absl::string_view name, absl::string_view content);
  void WriteCdb(absl::string_view name, const Records& records);

  // Makes `name` something that exists and that nobody can read, root neither.
  void MakeDirectory(absl::string_view name);
  void MakeLoop(absl::string_view name);  // a symbolic link to itself

  void Remove(absl::string_view name);

  // Returns what is in the file `name`.
  std::string Read(absl::string_view name) const;

  const std::string& path() const { return path_; }
  std::string File(absl::string_view name) const;

 private:
  std::string path_;
};

}  // namespace postern::files

#endif  // POSTERN_FILES_TEST_FOLDER_H_
