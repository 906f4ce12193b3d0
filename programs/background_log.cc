// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/background_log.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"

namespace postern::programs {
namespace {

constexpr size_t kMaxBehind = size_t{8} << 20;
constexpr std::chrono::milliseconds kGather{10};
constexpr int kLastWait = 5000;  // milliseconds
// What a pipe takes without waiting once it is writable at all: PIPE_BUF.
constexpr size_t kPiece = 4096;

// Waits until standard error takes more, which another process may have made
// non-blocking, for `milliseconds` at most; -1: for ever.
bool WaitForReader(int milliseconds) {
  pollfd out = {STDERR_FILENO, POLLOUT, 0};
  int ready = 0;
  do {
    ready = poll(&out, 1, milliseconds);
  } while (ready < 0 && errno == EINTR);
  return ready > 0;
}

// Writes `lines`, as far as their reader takes them within that time.
void WriteAll(absl::string_view lines, int milliseconds) {
  while (!lines.empty()) {
    if (!WaitForReader(milliseconds)) return;
    const ssize_t n =
        write(STDERR_FILENO, lines.data(), std::min(lines.size(), kPiece));
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n <= 0) return;  // a log that cannot be written is not worth a message
    lines.remove_prefix(static_cast<size_t>(n));
  }
}

}  // namespace

BackgroundLog::BackgroundLog() : thread_([this] { Work(); }) {
  SetLogSink(this);
}

BackgroundLog::~BackgroundLog() {
  SetLogSink(nullptr);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    over_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void BackgroundLog::Add(absl::string_view line) {
  bool first = false;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (lines_.size() + line.size() > kMaxBehind) {
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
    if (lines_.empty()) return;
    // More come, on a busy server: one call for all of them.
    changed_.wait_for(lock, kGather, [this] { return over_; });
    lines.swap(lines_);
    const uint64_t lost = std::exchange(lost_, 0);
    if (lost > 0) {
      lines += FormatLog("log", absl::StrCat(lost, " lines lost, nobody read"));
    }
    // At the end, not for ever: nobody could start us again.
    const int wait = over_ ? kLastWait : -1;
    lock.unlock();
    WriteAll(lines, wait);
    lines.clear();
    lock.lock();
  }
}

}  // namespace postern::programs
