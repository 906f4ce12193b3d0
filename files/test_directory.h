// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A temporary directory for tests.

#ifndef POSTERN_FILES_TEST_DIRECTORY_H_
#define POSTERN_FILES_TEST_DIRECTORY_H_

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace postern::files {

// A new directory. The destructor removes it with all its files. The
// constructor sets the umask to 022. Aborts the test program if a file cannot
// be created or written.
class TestDirectory {
 public:
  using Records = std::vector<std::pair<std::string, std::string>>;

  TestDirectory();
  TestDirectory(const TestDirectory&) = delete;
  TestDirectory& operator=(const TestDirectory&) = delete;
  ~TestDirectory();

  // Writes the file `name`: `content` unchanged, or `records` as a cdb, with
  // tinycdb.
  void Write(absl::string_view name, absl::string_view content);
  void WriteCdb(absl::string_view name, const Records& records);

  // Makes a directory, which no user can read as a file, not even root. Makes
  // its parent directories as well.
  void MakeDirectory(absl::string_view name);
  void MakeLoop(absl::string_view name);  // a symbolic link to itself
  // Makes the directory `name` a Maildir, with its tmp, new and cur.
  void MakeMaildir(absl::string_view name);

  void Remove(absl::string_view name);

  // Returns the content of the file `name`. A file that cannot be read fails
  // the test.
  std::string Read(absl::string_view name) const;
  // Returns the names in the directory `name`, sorted.
  std::vector<std::string> List(absl::string_view name) const;
  // Returns the contents of the files in the directory `name`, sorted.
  std::vector<std::string> Contents(absl::string_view name) const;

  const std::string& path() const { return path_; }
  std::string File(absl::string_view name) const;

 private:
  std::string path_;
};

// Returns how many descriptors this process has open.
size_t CountOpenDescriptors();

}  // namespace postern::files

#endif  // POSTERN_FILES_TEST_DIRECTORY_H_
