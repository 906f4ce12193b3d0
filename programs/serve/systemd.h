// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The service manager that started this process: systemd, through
// sd_listen_fds(3), sd_notify(3) and sd_watchdog_enabled(3). Without systemd
// these functions do nothing.

#ifndef POSTERN_PROGRAMS_SERVE_SYSTEMD_H_
#define POSTERN_PROGRAMS_SERVE_SYSTEMD_H_

#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace postern::programs {

// Returns the sockets that the service manager opened for this process, by
// their names (FileDescriptorName=). Child processes do not inherit them. To be
// called once.
std::map<std::string, std::vector<int>> PassedSockets();

// Returns the number of descriptors, from 3 on, that the service manager opened
// for this process. Zero after PassedSockets().
int CountPassedSockets();

// Each notifies the service manager. `systemctl status` shows `status`.
void SayReady(absl::string_view status);
void SayReloading();
void SayStopping(absl::string_view status);
void SayAlive();

// Returns the longest interval between calls of SayAlive(). Infinite without a
// watchdog.
absl::Duration AliveInterval();

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_SERVE_SYSTEMD_H_
