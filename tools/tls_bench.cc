// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Measures what TLS costs postern serve: CPU time of the whole process for a
// session of EHLO, STARTTLS, EHLO and QUIT, with a full handshake.
//
//   tls_bench POSTERN SMTP-FLOOR WORK-FOLDER
//
// Beside it runs the floor (tools/smtp_floor.cc): OpenSSL alone, on the same
// system calls. The folder has the certificates: ecdsa.pem, ecdsa.key, rsa.pem,
// rsa.key. One generator drives both in turn; each figure is the median of some
// rounds.

#include <cstdio>
#include <string>
#include <vector>

#include "tools/load.h"
#include "tools/measured_server.h"

namespace postern::tools {
namespace {

constexpr int kRounds = 9;
constexpr int kConnections = 20;
constexpr int kSessions = 1000;

double SessionMicros(const MeasuredServer& server,
                     const std::vector<Turn>& turns) {
  const double before = server.CpuMicros();
  Load(turns, kSessions, kConnections, server.port()).Run();
  return (server.CpuMicros() - before) / kSessions;
}

int Main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: tls_bench POSTERN SMTP-FLOOR WORK-FOLDER\n");
    return 100;
  }
  const std::string work = argv[3];
  const std::string control = MakeControls(work, "local.example");
  const std::vector<Turn> in_clear = {{"", 1},
                                      {"EHLO client.example\r\n"},
                                      {"NOOP\r\n"},
                                      {"EHLO client.example\r\n"},
                                      {"QUIT\r\n"}};
  const std::vector<Turn> with_tls = {{"", 1},
                                      {"EHLO client.example\r\n"},
                                      {"STARTTLS\r\n", 1, /*tls=*/true},
                                      {"EHLO client.example\r\n"},
                                      {"QUIT\r\n"}};

  std::printf("%-20s %10s %10s   to the floor\n", "us of CPU a session",
              "postern", "floor");
  for (const std::string key : {"ecdsa", "rsa"}) {
    const std::string chain_file = work + "/" + key + ".pem";
    const std::string key_file = work + "/" + key + ".key";
    const MeasuredServer postern(
        "postern",
        {argv[1], "serve", "--threads", "1", "--control", control, "--deliver",
         "discard", "--listen", "127.0.0.1:0", "--ready-fd", "9", "--tls-cert",
         chain_file, "--tls-key", key_file},
        9);
    const MeasuredServer floor("floor", {argv[2], chain_file, key_file}, 1);
    for (const auto* turns : {&with_tls, &in_clear}) {
      std::vector<double> ours;
      std::vector<double> least;
      for (int round = 0; round < kRounds; ++round) {
        ours.push_back(SessionMicros(postern, *turns));
        least.push_back(SessionMicros(floor, *turns));
      }
      const bool tls = turns == &with_tls;
      std::printf("%-20s %10.1f %10.1f   %.2f\n",
                  tls ? ("STARTTLS, " + key).c_str() : "in the clear",
                  Median(ours), Median(least), Median(ours) / Median(least));
      std::fflush(stdout);
    }
  }
  return 0;
}

}  // namespace
}  // namespace postern::tools

int main(int argc, char** argv) { return postern::tools::Main(argc, argv); }
