// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A folder for one test.

#ifndef POSTERN_DELIVERY_TEMPORARY_FOLDER_H_
#define POSTERN_DELIVERY_TEMPORARY_FOLDER_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace postern::delivery {

// Is there for as long as this is, with all that is put into it.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  // Returns the full path of `name` inside.
  std::string Path(absl::string_view name = "") const;
  // Returns the sorted names in folder `name`.
  std::vector<std::string> List(absl::string_view name) const;
  // Returns the contents of the files in folder `name`, sorted.
  std::vector<std::string> Contents(absl::string_view name) const;
  std::string Read(absl::string_view name) const;
  void Write(absl::string_view name, absl::string_view contents) const;
  void MakeFolder(absl::string_view name) const;
  // Makes the folder `name` a Maildir, with its tmp, new and cur.
  void MakeMaildir(absl::string_view name) const;

 private:
  std::string path_;
};

// Returns how many descriptors this process has open.
size_t CountOpenDescriptors();

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_TEMPORARY_FOLDER_H_
