// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Stores recordings of sessions as files of a directory: --record.

#ifndef POSTERN_RECORDING_RECORDINGS_H_
#define POSTERN_RECORDING_RECORDINGS_H_

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "recording/recorder.h"
#include "system/run.h"

namespace postern::recording {

// The files that a directory has at most, for recordings to be added. A count
// that is larger by the number of sessions that end at the same time is
// possible.
inline constexpr size_t kMaxFiles = 1000;

// The octets of recordings that wait until a task of Recordings::Options::run
// stores them. A recording beyond that is dropped.
inline constexpr size_t kMaxWaiting = size_t{32} << 20;

// Returns an error if no recordings can be stored in `directory`: it does not
// exist, this process cannot write to it, its group or all users can and it is
// not sticky (they could remove or replace recordings), or it has kMaxFiles
// files. Blocks on the disk.
absl::Status CheckDirectory(const std::string& directory);

// Makes the recorders of a process. Each recording is a new file of mode 0600,
// DIRECTORY/20261130T124641Z-SESSION.smtp, where SESSION is the id that the log
// has. A symbolic link or an existing file is never written to. A file that is
// not complete is removed, but a process that is killed may leave one: its last
// line is missing, and `postern replay` says so.
//
// A recording that cannot be stored never harms a session. It is reported once,
// and no further session is recorded until Resume(). If the disk is too slow
// (kMaxWaiting), the recordings that wait are still stored.
//
// Thread-safe. Must outlive its recorders and the tasks of `run`.
class Recordings {
 public:
  struct Options {
    std::string directory;
    bool bodies = false;
    std::string program;  // for titles: "postern serve 0.1"
    std::function<absl::Time()> now;
    // Runs tasks that block on another thread: the text of a recording is made
    // and written there. Empty: the session's thread may block.
    system::Run run;
    // Gets the error that ends recording, on any thread.
    std::function<void(const absl::Status&)> report;
  };

  explicit Recordings(Options options) : options_(std::move(options)) {}
  Recordings(const Recordings&) = delete;
  Recordings& operator=(const Recordings&) = delete;

  // Returns the recorder of a new session; null if recording has ended.
  std::unique_ptr<Recorder> Record();
  // Records again, if an error had ended that: after SIGHUP.
  void Resume() {
    failed_ = false;
    stopped_ = false;
  }

 private:
  void Take(Recording recording, std::string name);
  void Store(const Recording& recording, const std::string& name);
  // Ends recording, and reports `status` if it has not ended yet.
  void Stop(const absl::Status& status);

  const Options options_;
  std::atomic<bool> stopped_ = false;  // no session is recorded
  std::atomic<bool> failed_ = false;   // what waits is not stored, either
  // Octets of recordings in memory, also of those that are not stored yet.
  std::atomic<size_t> memory_ = 0;
  std::atomic<size_t> waiting_ = 0;  // of those that are not stored yet
};

}  // namespace postern::recording

#endif  // POSTERN_RECORDING_RECORDINGS_H_
