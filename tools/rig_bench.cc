// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Measures servers for tests: messages in a second of wall time, and the time
// from the start of the program to its greeting.
//
//   rig_bench POSTERN
//
// The servers are postern rig, aiosmtpd if Python has it, and Postfix's
// smtp-sink if it is installed. One generator uses them in turn; each figure is
// the median of several rounds. Everything is on loopback.

#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "tools/load.h"
#include "tools/measured_server.h"

namespace postern::tools {
namespace {

constexpr int kRounds = 7;
constexpr int kConnections = 20;

// A server that is started for each measurement.
struct Rig {
  std::string name;
  std::vector<std::string> arguments;  // "PORT" is replaced
  int ready;                           // as for MeasuredServer; -1: none
};

// Returns whether a server at `port` greets.
bool Greets(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = Loopback(port);
  char octet = 0;
  const bool greets = connect(fd, reinterpret_cast<const sockaddr*>(&address),
                              sizeof(address)) == 0 &&
                      recv(fd, &octet, 1, 0) == 1;
  close(fd);
  return greets;
}

double MillisecondsSince(std::chrono::steady_clock::time_point start) {
  const std::chrono::duration<double, std::milli> passed =
      std::chrono::steady_clock::now() - start;
  return passed.count();
}

// Starts a server, and sets `milliseconds` to the time until it greets.
std::unique_ptr<MeasuredServer> Start(const Rig& rig, double* milliseconds) {
  const int port = FreePort();
  std::vector<std::string> arguments = rig.arguments;
  for (std::string& argument : arguments) {
    const size_t at = argument.find("PORT");
    if (at != std::string::npos) argument.replace(at, 4, std::to_string(port));
  }
  const auto start = std::chrono::steady_clock::now();
  auto server =
      std::make_unique<MeasuredServer>(rig.name, arguments, rig.ready, port);
  while (!Greets(server->port())) {
    if (MillisecondsSince(start) > 30'000) Die(rig.name + " does not greet");
    usleep(200);
  }
  *milliseconds = MillisecondsSince(start);
  return server;
}

int Main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: rig_bench POSTERN\n");
    return 100;
  }
  std::vector<Rig> rigs = {{"postern rig",
                            {argv[1], "rig", "--smtp", "127.0.0.1:0",
                             "--no-http", "--ready-fd", "9"},
                            9}};
  if (std::system("/usr/bin/python3 -c 'import aiosmtpd' 2>/dev/null") == 0) {
    rigs.push_back({"aiosmtpd",
                    {"/usr/bin/python3", "-m", "aiosmtpd", "-n", "-l",
                     "127.0.0.1:PORT", "-c", "aiosmtpd.handlers.Sink"},
                    -1});
  }
  for (const char* path :
       {"/usr/sbin/smtp-sink", "/usr/lib/postfix/smtp-sink"}) {
    if (access(path, X_OK) != 0) continue;
    std::vector<std::string> arguments = {path};
    if (getuid() == 0) {
      arguments.insert(arguments.end(), {"-u", "nobody"});
    }
    arguments.insert(arguments.end(), {"127.0.0.1:PORT", "1000"});
    rigs.push_back({"smtp-sink", arguments, -1});
    break;
  }

  const std::string kilobyte = Content(1024);
  const struct {
    const char* name;
    int sessions;
    int messages;  // per session
    std::vector<Turn> turns;
  } kScenarios[] = {
      {"one message a connection", 1000, 1, Session(1, false, kilobyte)},
      {"50 messages a connection", 40, 50, Session(50, false, kilobyte)},
  };
  std::printf("%-28s", "");
  for (const Rig& rig : rigs) std::printf(" %12s", rig.name.c_str());
  std::printf("   ratio to each\n");
  // Prints a line; the ratios are those of the first server to the others.
  const auto print = [](const char* name,
                        const std::vector<std::vector<double>>& values) {
    std::printf("%-28s", name);
    for (const auto& each : values) std::printf(" %12.1f", Median(each));
    std::printf("  ");
    for (size_t i = 1; i < values.size(); ++i) {
      std::printf(" %6.2f", Median(values[0]) / Median(values[i]));
    }
    std::printf("\n");
    std::fflush(stdout);
  };
  std::vector<std::vector<double>> starts(rigs.size());
  for (int round = 0; round < kRounds; ++round) {
    for (size_t i = 0; i < rigs.size(); ++i) {
      double milliseconds = 0;
      Start(rigs[i], &milliseconds);
      starts[i].push_back(milliseconds);
    }
  }
  print("ms to the greeting", starts);
  for (const auto& scenario : kScenarios) {
    std::vector<std::vector<double>> rates(rigs.size());
    for (int round = 0; round < kRounds; ++round) {
      for (size_t i = 0; i < rigs.size(); ++i) {
        double ignored = 0;
        const auto server = Start(rigs[i], &ignored);
        const auto start = std::chrono::steady_clock::now();
        Load(scenario.turns, scenario.sessions, kConnections, server->port())
            .Run();
        rates[i].push_back(scenario.sessions * scenario.messages * 1000 /
                           MillisecondsSince(start));
      }
    }
    print(scenario.name, rates);
  }
  return 0;
}

}  // namespace
}  // namespace postern::tools

int main(int argc, char** argv) { return postern::tools::Main(argc, argv); }
