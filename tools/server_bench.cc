// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Compares servers that discard all messages: the CPU time of the whole server
// process for a message or a session, and how long a client waits for the reply
// to the end of data, with 50 clients at the same time.
//
//   server_bench POSTERN SMTP-FLOOR GO-SMTP WORK-DIRECTORY
//
// The servers are postern serve, the floor (tools/smtp_floor.cc), a server on
// go-smtp (tools/go_smtp.go), and Postfix's smtp-sink if it is installed. One
// generator uses them in turn; each figure is the median of several rounds.
// Everything is on loopback.

#include <unistd.h>

#include <array>
#include <cstdio>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "tools/cpu_comparison.h"
#include "tools/load.h"
#include "tools/measured_server.h"

namespace postern::tools {
namespace {

constexpr int kRounds = 5;
constexpr int kCrowd = 50;  // connections when delays are measured

using Servers = std::vector<std::unique_ptr<MeasuredServer>>;

// Prints, for each server, the 50th, 95th and 99th percentile of the time from
// the last octet of a message to its reply.
void MeasureDelays(const Servers& servers,
                   const std::vector<Scenario>& scenarios) {
  constexpr double kParts[] = {0.50, 0.95, 0.99};
  std::printf("\n%-28s", "ms to the reply, 50/95/99 %");
  for (const auto& server : servers) {
    std::printf(" %17s", server->name().c_str());
  }
  std::printf("\n");
  for (const Scenario& scenario : scenarios) {
    std::printf("%-28s", scenario.name);
    std::vector<std::array<std::vector<double>, std::size(kParts)>> delays(
        servers.size());
    for (int round = 0; round < kRounds; ++round) {
      for (size_t i = 0; i < servers.size(); ++i) {
        Load load(scenario.turns, scenario.sessions, kCrowd,
                  servers[i]->port());
        load.Run();
        for (size_t part = 0; part < std::size(kParts); ++part) {
          delays[i][part].push_back(Percentile(load.delays(), kParts[part]));
        }
      }
    }
    for (const auto& each : delays) {
      std::printf("   %4.2f %4.2f %4.2f", Median(each[0]), Median(each[1]),
                  Median(each[2]));
    }
    std::printf("\n");
    std::fflush(stdout);
  }
}

int Main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(
        stderr,
        "usage: server_bench POSTERN SMTP-FLOOR GO-SMTP WORK-DIRECTORY\n");
    return 100;
  }
  const std::string work = argv[4];
  const std::string control = MakeControls(work, "local.example");

  Servers servers;
  servers.push_back(std::make_unique<MeasuredServer>(
      "postern",
      std::vector<std::string>{
          argv[1], "serve", "--config", "none", "--threads", "1", "--control",
          control, "--deliver", "discard", "--listen", "127.0.0.1:0",
          "--max-per-client", "0", "--ready-fd", "9"},
      9));
  servers.push_back(std::make_unique<MeasuredServer>(
      "floor", std::vector<std::string>{argv[2]}, 1));
  servers.push_back(std::make_unique<MeasuredServer>(
      "go-smtp", std::vector<std::string>{argv[3]}, 1));
  for (const char* path :
       {"/usr/sbin/smtp-sink", "/usr/lib/postfix/smtp-sink"}) {
    if (access(path, X_OK) != 0) continue;
    const int port = FreePort();
    std::vector<std::string> arguments = {path};
    if (getuid() == 0) {
      arguments.insert(arguments.end(), {"-u", "nobody"});
    }
    arguments.insert(arguments.end(),
                     {"127.0.0.1:" + std::to_string(port), "1000"});
    servers.push_back(
        std::make_unique<MeasuredServer>("smtp-sink", arguments, -1, port));
    usleep(500'000);  // it does not report when it listens
    break;
  }

  const std::string kilobyte = Content(1024);
  const std::string large = Content(size_t{10} << 20);
  const std::vector<Scenario> scenarios = {
      {"one message a connection", "message", 2000, 1,
       Session(1, false, kilobyte)},
      {"100 messages a connection", "message", 60, 100,
       Session(100, false, kilobyte)},
      {"the same, pipelined", "message", 100, 100,
       Session(100, true, kilobyte)},
      {"messages of 10 MiB", "message", 20, 4, Session(4, true, large)},
      {"EHLO, QUIT", "session", 4000, 1, Session(0, false, "")},
  };
  CompareCpu(servers, scenarios);
  MeasureDelays(servers, {scenarios[0], scenarios[1], scenarios[2]});
  return 0;
}

}  // namespace
}  // namespace postern::tools

int main(int argc, char** argv) { return postern::tools::Main(argc, argv); }
