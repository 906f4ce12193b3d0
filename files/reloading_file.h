// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// An object made from a file, made again when the file is replaced.

#ifndef POSTERN_FILES_RELOADING_FILE_H_
#define POSTERN_FILES_RELOADING_FILE_H_

#include <errno.h>
#include <sys/stat.h>

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace postern::files {

// Returns true if both describe the same file with the same content, as far as
// stat(2) shows it. A file that is written in place twice, with the same size
// and within one tick of the file system's clock, is taken as unchanged. Files
// that are replaced by rename(2) do not have this problem.
bool SameFile(const struct stat& a, const struct stat& b);

// A T that is made from the file at a path. It is made again when the file has
// been replaced or written to.
//
// Thread-safe. If the file has not changed, a call costs one stat(2). An object
// that Get() has returned stays valid and unchanged while the caller holds it.
template <typename T>
class ReloadingFile {
 public:
  using Open = std::function<absl::StatusOr<T>(const std::string& path)>;

  // `open` is called by one thread at a time. Other threads that call Get()
  // wait for it.
  ReloadingFile(std::string path, Open open)
      : path_(std::move(path)), open_(std::move(open)) {}

  // Returns the T for the current file, never null. Returns kNotFound with the
  // path if the file does not exist, the code of errno if stat(2) fails, and
  // the error of `open` if that fails. After an error the next call tries
  // again: the object of an older file is not used instead.
  absl::StatusOr<std::shared_ptr<const T>> Get() {
    const std::lock_guard<std::mutex> lock(mutex_);
    // stat(2) comes before open(2). If the file is replaced between the two,
    // the next call notices it.
    struct stat now = {};
    if (stat(path_.c_str(), &now) != 0) {
      return absl::ErrnoToStatus(errno, path_);
    }
    if (value_ != nullptr && SameFile(now, seen_)) return value_;
    absl::StatusOr<T> opened = open_(path_);
    if (!opened.ok()) return opened.status();
    value_ = std::make_shared<const T>(*std::move(opened));
    seen_ = now;
    return value_;
  }

  const std::string& path() const { return path_; }

 private:
  const std::string path_;
  const Open open_;

  std::mutex mutex_;
  struct stat seen_ = {};           // guarded by mutex_
  std::shared_ptr<const T> value_;  // guarded by mutex_
};

}  // namespace postern::files

#endif  // POSTERN_FILES_RELOADING_FILE_H_
