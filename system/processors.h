// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// How many processors the process may use.

#ifndef POSTERN_SYSTEM_PROCESSORS_H_
#define POSTERN_SYSTEM_PROCESSORS_H_

#include <optional>
#include <string>

namespace postern::system {

// Returns how many threads can run at a time: the processors of the affinity
// mask (taskset, cpuset), or what the control group allows in time (the quota
// of a container or of CPUQuota= in a systemd unit), rounded up, whichever is
// less. At least 1.
int UsableProcessors();

// Returns the processors' worth of time that the control group of the process,
// and each group above it, allows: 0.5 is half of one. nullopt where there is
// no limit, or none that can be read. Knows both versions of control groups
// (cpu.max; cpu.cfs_quota_us). Files are looked for below `root`: "" but in
// tests.
std::optional<double> ProcessorQuota(const std::string& root);

}  // namespace postern::system

#endif  // POSTERN_SYSTEM_PROCESSORS_H_
