// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Files in memory for fuzz targets.

#ifndef POSTERN_FUZZ_MEMORY_FILE_H_
#define POSTERN_FUZZ_MEMORY_FILE_H_

#include <cdb.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace postern {

// A file in memory. It has a path while the object exists.
class MemoryFile {
 public:
  using Records = std::vector<std::pair<std::string, std::string>>;

  explicit MemoryFile(absl::string_view bytes = "")
      : fd_(memfd_create("fuzz", MFD_CLOEXEC)) {
    const ssize_t n = write(fd_, bytes.data(), bytes.size());
    EXPECT_EQ(n, static_cast<ssize_t>(bytes.size()));
  }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  ~MemoryFile() { close(fd_); }

  std::string path() const { return absl::StrCat("/proc/self/fd/", fd_); }

  // Writes a database into the empty file, with tinycdb. Returns its bytes.
  std::string WriteCdb(const Records& records) {
    cdb_make maker;
    bool ok = cdb_make_start(&maker, fd_) == 0;
    for (const auto& [key, data] : records) {
      ok = ok &&
           cdb_make_add(&maker, key.data(), static_cast<unsigned>(key.size()),
                        data.data(), static_cast<unsigned>(data.size())) == 0;
    }
    ok = ok && cdb_make_finish(&maker) == 0;
    std::string bytes(static_cast<size_t>(lseek(fd_, 0, SEEK_END)), '\0');
    const ssize_t n = pread(fd_, bytes.data(), bytes.size(), 0);
    EXPECT_TRUE(ok && n == static_cast<ssize_t>(bytes.size()));
    return bytes;
  }

 private:
  const int fd_;
};

}  // namespace postern

#endif  // POSTERN_FUZZ_MEMORY_FILE_H_
