// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/rig/message_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <limits>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "programs/rig/json.h"
#include "system/descriptor.h"

namespace postern::programs {
namespace {

// Writes a file under another name first, so that a test that waits for it
// never reads half of it. It need not survive a crash of the system, so nothing
// waits for the disk.
absl::Status WriteFile(const std::string& path, absl::string_view octets) {
  const std::string temporary = path + ".tmp";
  // Another user may have put a link there, which must not be followed. A file
  // there may also be of a rig that was killed.
  (void)unlink(temporary.c_str());
  const system::Descriptor file(
      open(temporary.c_str(),
           O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666));
  if (file.get() < 0) return absl::ErrnoToStatus(errno, temporary);
  absl::Status status = WriteAll(file.get(), octets, temporary);
  if (status.ok() && rename(temporary.c_str(), path.c_str()) != 0) {
    status = absl::ErrnoToStatus(errno, path);
  }
  if (!status.ok()) (void)unlink(temporary.c_str());
  return status;
}

// Returns the number of a file of a message, or 0.
int NumberOf(absl::string_view name) {
  int number = 0;
  if (!absl::ConsumeSuffix(&name, ".eml") &&
      !absl::ConsumeSuffix(&name, ".json")) {
    return 0;
  }
  if (!absl::SimpleAtoi(name, &number) || number < 0) return 0;
  return number;
}

}  // namespace

absl::Status WriteAll(int descriptor, absl::string_view octets,
                      const std::string& path) {
  while (!octets.empty()) {
    const ssize_t written = write(descriptor, octets.data(), octets.size());
    if (written < 0 && errno == EINTR) continue;
    // A write of nothing sets no errno.
    if (written <= 0) {
      return absl::ErrnoToStatus(written < 0 ? errno : ENOSPC, path);
    }
    octets.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

absl::StatusOr<int> PrepareDirectory(const std::string& directory) {
  if (mkdir(directory.c_str(), 0777) != 0 && errno != EEXIST) {
    return absl::ErrnoToStatus(errno, directory);
  }
  if (access(directory.c_str(), W_OK | X_OK) != 0) {
    return absl::ErrnoToStatus(errno, directory);
  }
  DIR* const entries = opendir(directory.c_str());
  if (entries == nullptr) return absl::ErrnoToStatus(errno, directory);
  int last = 0;
  while (const dirent* const entry = readdir(entries)) {
    last = std::max(last, NumberOf(entry->d_name));
  }
  closedir(entries);
  if (last > std::numeric_limits<int>::max() / 2) {
    return absl::OutOfRangeError(
        absl::StrCat(directory, ": the number ", last, " is too large"));
  }
  return last + 1;
}

absl::Status WriteMessageFiles(const std::string& directory,
                               const rig::Message& message) {
  const std::string path = absl::StrCat(directory, "/", message.number());
  absl::Status status = WriteFile(path + ".eml", message.raw());
  if (!status.ok()) return status;
  Json json = EnvelopeJson(message);
  // Not all of the transcript: a session may have thousands of messages.
  json["transcript"] = TranscriptJson(
      message.transcript().EntriesFrom(message.transcript_begin()));
  return WriteFile(path + ".json", ToText(json) + "\n");
}

}  // namespace postern::programs
