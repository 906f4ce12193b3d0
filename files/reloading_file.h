// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What stands at a path, read again when it is replaced.

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

// Returns whether both are of one file with one content, as far as stat(2) can
// tell: a file that is written in place, twice within a tick of its clock and
// to the same size, passes for what it was. Who replaces files with rename(2)
// has no such trouble.
bool SameFile(const struct stat& a, const struct stat& b);

// A T of the file at a path, opened again when another file stands there or it
// has been written to.
//
// Thread-safe. Costs a stat(2) a call while nothing has changed. What was
// handed out stays good, and as it was, for as long as it is held.
template <typename T>
class ReloadingFile {
 public:
  using Open = std::function<absl::StatusOr<T>(const std::string& path)>;

  // `open` is called by one thread at a time; what it waits for, all wait for.
  ReloadingFile(std::string path, Open open)
      : path_(std::move(path)), open_(std::move(open)) {}

  // Returns the T of now, never null. Returns kNotFound, with the path, where
  // there is no file, the code of errno where it cannot be looked at, and what
  // `open` returns where it fails. A failure is tried again at the next call;
  // what was there before does not stand in for what cannot be read.
  absl::StatusOr<std::shared_ptr<const T>> Get() {
    const std::lock_guard<std::mutex> lock(mutex_);
    // Looked at before the file is opened: a newer one is seen the next time.
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
