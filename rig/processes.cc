// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "rig/processes.h"

#include <stdio.h>
#include <sys/wait.h>

#include <array>
#include <cstddef>
#include <filesystem>
#include <iterator>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace postern::rig {
namespace {

size_t Entries(const char* directory) {
  const std::filesystem::directory_iterator entries(directory);
  return static_cast<size_t>(std::distance(begin(entries), end(entries)));
}

}  // namespace

Ended RunCommand(absl::string_view command, absl::Duration limit) {
  const std::string limited = absl::StrCat(
      "timeout --kill-after=30 ", absl::ToInt64Seconds(limit), " ", command);
  Ended ended;
  FILE* const pipe = popen(limited.c_str(), "r");
  if (pipe == nullptr) {
    ADD_FAILURE() << "popen: " << limited;
    return ended;
  }
  std::array<char, 4096> bytes;
  size_t count = 0;
  while ((count = fread(bytes.data(), 1, bytes.size(), pipe)) > 0) {
    ended.printed.append(bytes.data(), count);
  }
  const int status = pclose(pipe);
  ended.exit_code =
      WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return ended;
}

size_t CountDescriptors() { return Entries("/proc/self/fd"); }

size_t CountThreads() { return Entries("/proc/self/task"); }

size_t WaitForThreads(size_t count) {
  // The kernel reports no event when it removes a thread from the list.
  const absl::Time deadline = absl::Now() + absl::Seconds(10);
  size_t threads = CountThreads();
  while (threads != count && absl::Now() < deadline) {
    absl::SleepFor(absl::Milliseconds(1));
    threads = CountThreads();
  }
  return threads;
}

}  // namespace postern::rig
