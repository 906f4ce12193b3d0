// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The service manager that has started us: systemd, by sd_listen_fds(3),
// sd_notify(3) and sd_watchdog_enabled(3). Where there is none, nothing
// happens.

#ifndef POSTERN_PROGRAMS_SERVE_SYSTEMD_H_
#define POSTERN_PROGRAMS_SERVE_SYSTEMD_H_

#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace postern::programs {

// Returns the sockets that the manager has opened for us, by their names
// (FileDescriptorName=). Programs that we run do not get them. To be called
// once.
std::map<std::string, std::vector<int>> PassedSockets();

// Returns how many descriptors, from 3 on, the manager has opened for us, until
// PassedSockets() is called.
int CountPassedSockets();

// Each tells the manager, and `status` is what `systemctl status` shows.
void SayReady(absl::string_view status);
void SayReloading();
void SayStopping(absl::string_view status);
void SayAlive();

// Returns how often to SayAlive() at least; infinite: nobody listens.
absl::Duration AliveInterval();

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_SERVE_SYSTEMD_H_
