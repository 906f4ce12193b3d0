// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/serve/systemd.h"

#include <systemd/sd-daemon.h>
#include <time.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "absl/strings/str_cat.h"

namespace postern::programs {
namespace {

void Notify(const std::string& words) {
  (void)sd_notify(/*unset_environment=*/0, words.c_str());
}

// The clock by which the service manager orders reloads.
int64_t MonotonicMicros() {
  timespec now = {};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
}

}  // namespace

std::map<std::string, std::vector<int>> PassedSockets() {
  std::map<std::string, std::vector<int>> sockets;
  char** names = nullptr;
  const int count = sd_listen_fds_with_names(/*unset_environment=*/1, &names);
  for (int i = 0; i < count; ++i) {
    sockets[names[i]].push_back(SD_LISTEN_FDS_START + i);
    free(names[i]);
  }
  free(names);
  return sockets;
}

int CountPassedSockets() {
  return std::max(0, sd_listen_fds(/*unset_environment=*/0));
}

void SayReady(absl::string_view status) {
  Notify(absl::StrCat("READY=1\nSTATUS=", status));
}

void SayReloading() {
  Notify(absl::StrCat("RELOADING=1\nMONOTONIC_USEC=", MonotonicMicros()));
}

void SayStopping(absl::string_view status) {
  Notify(absl::StrCat("STOPPING=1\nSTATUS=", status));
}

void SayAlive() { Notify("WATCHDOG=1"); }

absl::Duration AliveInterval() {
  uint64_t micros = 0;
  if (sd_watchdog_enabled(/*unset_environment=*/0, &micros) <= 0) {
    return absl::InfiniteDuration();
  }
  return absl::Microseconds(micros) / 2;
}

}  // namespace postern::programs
