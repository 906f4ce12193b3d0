// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Compares servers that pass each message on to a next hop while it arrives:
// the CPU time of the whole server process for a message, with 20 clients at
// the same time.
//
//   forward_bench POSTERN FORWARD-FLOOR SMTP-FLOOR WORK-DIRECTORY
//
// The servers are postern serve, the floor (tools/forward_floor.cc), and
// haproxy in TCP mode if it is installed, which sees no messages and adds no
// Received field. The next hop of all is tools/smtp_floor.cc. One generator
// uses the servers in turn; each figure is the median of several rounds.
// Everything is on loopback.

#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "tools/cpu_comparison.h"
#include "tools/load.h"
#include "tools/measured_server.h"

namespace postern::tools {
namespace {

int Main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr,
                 "usage: forward_bench POSTERN FORWARD-FLOOR SMTP-FLOOR "
                 "WORK-DIRECTORY\n");
    return 100;
  }
  const std::string work = argv[4];
  const std::string control = MakeControls(work, "local.example");
  const MeasuredServer hop("hop", std::vector<std::string>{argv[3]}, 1);
  const std::string hop_port = std::to_string(hop.port());

  std::vector<std::unique_ptr<MeasuredServer>> servers;
  servers.push_back(std::make_unique<MeasuredServer>(
      "postern",
      std::vector<std::string>{
          argv[1], "serve", "--threads", "1", "--control", control, "--deliver",
          "smtp:127.0.0.1:" + hop_port, "--listen", "127.0.0.1:0",
          "--max-per-client", "0", "--ready-fd", "9"},
      9));
  servers.push_back(std::make_unique<MeasuredServer>(
      "floor", std::vector<std::string>{argv[2], hop_port}, 1));
  if (const char* const haproxy = "/usr/sbin/haproxy";
      access(haproxy, X_OK) == 0) {
    const int port = FreePort();
    const std::string path = work + "/haproxy.cfg";
    Put(path,
        "global\n nbthread 1\ndefaults\n mode tcp\n timeout connect 10s\n"
        " timeout client 60s\n timeout server 60s\nlisten smtp\n"
        " bind 127.0.0.1:" +
            std::to_string(port) + "\n server hop 127.0.0.1:" + hop_port +
            "\n");
    servers.push_back(std::make_unique<MeasuredServer>(
        "haproxy", std::vector<std::string>{haproxy, "-db", "-f", path}, -1,
        port));
    usleep(500'000);  // it does not report when it listens
  }

  const std::string kilobyte = Content(1024);
  const std::string medium = Content(size_t{100} << 10);
  const std::string large = Content(size_t{10} << 20);
  const std::vector<Scenario> scenarios = {
      {"one message a connection", "message", 2000, 1,
       Session(1, false, kilobyte)},
      {"100 messages a connection", "message", 60, 100,
       Session(100, false, kilobyte)},
      {"messages of 100 KiB", "message", 100, 10, Session(10, false, medium)},
      {"messages of 10 MiB", "message", 10, 4, Session(4, false, large)},
  };
  CompareCpu(servers, scenarios);
  return 0;
}

}  // namespace
}  // namespace postern::tools

int main(int argc, char** argv) { return postern::tools::Main(argc, argv); }
