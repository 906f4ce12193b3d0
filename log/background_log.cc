// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "log/background_log.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "system/thread.h"

namespace postern::log {
namespace {

constexpr size_t kMaxUnwritten = size_t{8} << 20;
constexpr std::chrono::milliseconds kGather{10};
constexpr std::chrono::seconds kLastWait{5};
// How often a thread that waits for the reader checks whether to give up.
constexpr int kLookMilliseconds = 100;
// A pipe that poll(2) calls writable accepts this much without blocking:
// PIPE_BUF.
constexpr size_t kPiece = 4096;

}  // namespace

absl::StatusOr<std::unique_ptr<BackgroundLog>> BackgroundLog::Start() {
  std::unique_ptr<BackgroundLog> log(new BackgroundLog);
  absl::StatusOr<std::thread> thread =
      system::StartThread("log", [log = log.get()] { log->Work(); });
  if (!thread.ok()) return thread.status();
  log->thread_ = *std::move(thread);
  SetLogSink(log.get());
  return log;
}

BackgroundLog::~BackgroundLog() {
  if (!thread_.joinable()) return;  // Start() returned an error
  SetLogSink(nullptr);
  Finish();
  thread_.join();
}

void BackgroundLog::Finish() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (over_) return;
    over_ = true;
    end_ = Clock::now() + kLastWait;
  }
  changed_.notify_one();
}

bool BackgroundLog::finished() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return finished_;
}

bool BackgroundLog::WaitForReader() {
  while (true) {
    // write(2) would not wait if another process made descriptor 2
    // non-blocking.
    pollfd out = {STDERR_FILENO, POLLOUT, 0};
    if (poll(&out, 1, kLookMilliseconds) > 0) return true;
    const std::lock_guard<std::mutex> lock(mutex_);
    // Shutdown must not last forever: until this process ends, the server
    // cannot be started again.
    if (Clock::now() >= end_) return false;
  }
}

void BackgroundLog::WriteAll(absl::string_view lines) {
  while (!lines.empty() && WaitForReader()) {
    const ssize_t n =
        write(STDERR_FILENO, lines.data(), std::min(lines.size(), kPiece));
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n <= 0) return;  // there is nowhere to report it
    lines.remove_prefix(static_cast<size_t>(n));
  }
}

void BackgroundLog::Add(absl::string_view line) {
  bool first = false;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (lines_.size() + line.size() > kMaxUnwritten) {
      ++lost_;
      return;
    }
    first = lines_.empty();
    lines_.append(line.data(), line.size());
  }
  if (first) changed_.notify_one();
}

void BackgroundLog::Work() {
  std::string lines;
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return over_ || !lines_.empty(); });
    if (lines_.empty()) break;
    // A busy server adds more lines soon. One write(2) then serves all of them.
    changed_.wait_for(lock, kGather, [this] { return over_; });
    lines.swap(lines_);
    const uint64_t lost = std::exchange(lost_, 0);
    if (lost > 0) {
      lines += FormatLog(
          "log", absl::StrCat(lost, " lines lost, the log was not read"));
    }
    lock.unlock();
    WriteAll(lines);
    lines.clear();
    lock.lock();
  }
  finished_ = true;
}

}  // namespace postern::log
