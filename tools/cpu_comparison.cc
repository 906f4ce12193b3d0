// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "tools/cpu_comparison.h"

#include <cstddef>
#include <cstdio>

namespace postern::tools {

void CompareCpu(const std::vector<std::unique_ptr<MeasuredServer>>& servers,
                const std::vector<Scenario>& scenarios) {
  constexpr int kRounds = 5;
  std::printf("%-28s", "us of CPU");
  for (const auto& server : servers) {
    std::printf(" %10s", server->name().c_str());
  }
  std::printf("   to the floor\n");
  for (const Scenario& scenario : scenarios) {
    std::vector<std::vector<double>> micros(servers.size());
    for (int round = 0; round < kRounds; ++round) {
      for (size_t i = 0; i < servers.size(); ++i) {
        const double before = servers[i]->CpuMicros();
        Load(scenario.turns, scenario.sessions, kConnections,
             servers[i]->port())
            .Run();
        micros[i].push_back((servers[i]->CpuMicros() - before) /
                            scenario.sessions / scenario.messages);
      }
    }
    std::printf("%-28s", scenario.name);
    for (const auto& each : micros) std::printf(" %10.1f", Median(each));
    std::printf("  ");
    for (size_t i = 0; i < servers.size(); ++i) {
      if (i != 1) std::printf(" %6.2f", Median(micros[i]) / Median(micros[1]));
    }
    std::printf("  (a %s)\n", scenario.of);
    std::fflush(stdout);
  }
}

}  // namespace postern::tools
