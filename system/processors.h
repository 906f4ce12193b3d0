// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The number of processors that this process may use.

#ifndef POSTERN_SYSTEM_PROCESSORS_H_
#define POSTERN_SYSTEM_PROCESSORS_H_

#include <optional>
#include <string>

namespace postern::system {

// Returns how many threads can run at the same time, at least 1. This is the
// smaller of two numbers: the processors of the affinity mask (taskset,
// cpuset), and the processor time that the control group allows (the quota of a
// container, or CPUQuota= of a systemd unit), rounded up.
int UsableProcessors();

// Returns how much processor time the control group of this process and all
// groups above it allow, in processors: 0.5 is half of one processor. Returns
// nullopt if there is no limit, or none that can be read. Supports both
// versions of control groups (cpu.max; cpu.cfs_quota_us). Reads files below the
// directory `root`, which is "" except in tests.
std::optional<double> ProcessorQuota(const std::string& root);

}  // namespace postern::system

#endif  // POSTERN_SYSTEM_PROCESSORS_H_
