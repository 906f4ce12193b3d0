// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "recording/recordings.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "system/descriptor.h"

namespace postern::recording {
namespace {

absl::Status Error(absl::string_view path, int error) {
  return absl::ErrnoToStatus(error, path);
}

absl::Status Full(const std::string& directory) {
  return absl::ResourceExhaustedError(
      absl::StrCat(directory, ": it has ", kMaxFiles,
                   " files; move the recordings to another place"));
}

// Returns whether `directory` has kMaxFiles files. If it cannot be read, the
// file that follows cannot be counted, either.
absl::Status CheckCount(const std::string& directory) {
  DIR* const open = opendir(directory.c_str());
  if (open == nullptr) return Error(directory, errno);
  size_t files = 0;
  while (files < kMaxFiles) {
    const dirent* const entry = readdir(open);
    if (entry == nullptr) break;
    if (entry->d_name[0] != '.') ++files;
  }
  closedir(open);
  return files < kMaxFiles ? absl::OkStatus() : Full(directory);
}

// Writes a new file. If it cannot be complete, removes it.
absl::Status WriteNew(const std::string& path, absl::string_view text) {
  system::Descriptor file(
      open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
           0600));
  if (file.get() < 0) return Error(path, errno);
  while (!text.empty()) {
    const ssize_t written = write(file.get(), text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      const absl::Status status = Error(path, written < 0 ? errno : ENOSPC);
      unlink(path.c_str());
      return status;
    }
    text.remove_prefix(static_cast<size_t>(written));
  }
  // A disk quota or a file system on a network may report a write only here.
  if (close(file.Release()) != 0) {
    const absl::Status status = Error(path, errno);
    unlink(path.c_str());
    return status;
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckDirectory(const std::string& directory) {
  struct stat facts = {};
  if (stat(directory.c_str(), &facts) != 0) return Error(directory, errno);
  if (!S_ISDIR(facts.st_mode)) return Error(directory, ENOTDIR);
  const bool sticky = (facts.st_mode & S_ISVTX) != 0;
  if ((facts.st_mode & (S_IWGRP | S_IWOTH)) != 0 && !sticky) {
    return absl::FailedPreconditionError(absl::StrCat(
        directory,
        (facts.st_mode & S_IWOTH) != 0
            ? ": every user can write to it"
            : ": its group can write to it, and could remove recordings",
        "; give it the mode 0700"));
  }
  if (access(directory.c_str(), R_OK | W_OK | X_OK) != 0) {
    return Error(directory, errno);
  }
  return CheckCount(directory);
}

std::unique_ptr<Recorder> Recordings::Record() {
  if (stopped_) return nullptr;
  Recorder::Options recorder;
  recorder.bodies = options_.bodies;
  recorder.program = options_.program;
  recorder.now = options_.now;
  recorder.memory = &memory_;
  recorder.store = [this](Recording recording, const std::string& session_id,
                          absl::Time began) {
    Take(std::move(recording),
         absl::StrCat(
             absl::FormatTime("%Y%m%dT%H%M%SZ", began, absl::UTCTimeZone()),
             "-", session_id, ".smtp"));
  };
  return std::make_unique<Recorder>(std::move(recorder));
}

void Recordings::Take(Recording recording, std::string name) {
  if (stopped_) return;
  if (!options_.run) return Store(recording, name);
  const size_t size = recording.size();
  if (waiting_.fetch_add(size) + size > kMaxWaiting) {
    waiting_ -= size;
    return Stop(absl::ResourceExhaustedError(
        absl::StrCat(options_.directory, ": ", kMaxWaiting >> 20,
                     " MiB of recordings wait to be written")));
  }
  options_.run([this, size, recording = std::move(recording),
                name = std::move(name)]() mutable {
    Store(recording, name);
    waiting_ -= size;
  });
}

void Recordings::Store(const Recording& recording, const std::string& name) {
  if (failed_) return;
  absl::Status status = CheckCount(options_.directory);
  if (status.ok()) {
    status =
        WriteNew(absl::StrCat(options_.directory, "/", name), recording.Text());
  }
  if (status.ok()) return;
  failed_ = true;
  Stop(status);
}

void Recordings::Stop(const absl::Status& status) {
  if (!stopped_.exchange(true) && options_.report) options_.report(status);
}

}  // namespace postern::recording
