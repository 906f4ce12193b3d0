// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "transports/session_id.h"

#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>

namespace postern::transports {
namespace {

constexpr size_t kCountDigits = 10;  // enough until the year 2085

uint64_t Microseconds() {
  timespec now = {};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000000 +
         static_cast<uint64_t>(now.tv_nsec) / 1000;
}

}  // namespace

std::string NewSessionId() {
  static std::atomic<uint64_t> next{Microseconds()};
  static const auto pid = static_cast<uint64_t>(getpid());
  return FormatSessionId(pid, next.fetch_add(1, std::memory_order_relaxed));
}

std::string FormatSessionId(uint64_t pid, uint64_t count) {
  constexpr char kDigits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
  char text[kCountDigits + 13];  // 36^13 > 2^64
  char* const end = text + sizeof(text);
  char* begin = end;
  for (size_t i = 0; i < kCountDigits; ++i, count /= 36) {
    *--begin = kDigits[count % 36];
  }
  do {
    *--begin = kDigits[pid % 36];
    pid /= 36;
  } while (pid != 0);
  return std::string(begin, end);
}

}  // namespace postern::transports
