// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Compares the CPU time of servers side by side.

#ifndef POSTERN_TOOLS_CPU_COMPARISON_H_
#define POSTERN_TOOLS_CPU_COMPARISON_H_

#include <memory>
#include <vector>

#include "tools/load.h"
#include "tools/measured_server.h"

namespace postern::tools {

// The number of clients at the same time.
inline constexpr int kConnections = 20;

struct Scenario {
  const char* name;
  const char* of;  // the unit that the figure is for
  int sessions;
  int messages;  // per session
  std::vector<Turn> turns;
};

// One generator uses the servers in turn, for several rounds. Prints a table:
// the median of each server's CPU time in microseconds, and its ratio to the
// second server, which is the floor.
void CompareCpu(const std::vector<std::unique_ptr<MeasuredServer>>& servers,
                const std::vector<Scenario>& scenarios);

}  // namespace postern::tools

#endif  // POSTERN_TOOLS_CPU_COMPARISON_H_
