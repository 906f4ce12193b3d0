// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Measures the cost of TLS in postern serve: the CPU time of the whole process
// for a session of EHLO, STARTTLS, EHLO and QUIT, with a full handshake.
//
//   tls_bench POSTERN SMTP-FLOOR GO-SMTP WORK-DIRECTORY
//
// For comparison it also measures the floor (tools/smtp_floor.cc), which is
// OpenSSL with the same system calls, and a server on go-smtp
// (tools/go_smtp.go), which is Go's TLS. The directory must contain the
// certificates ecdsa.pem, ecdsa.key, rsa.pem and rsa.key. One generator uses
// the servers in turn; each figure is the median of several rounds. The client
// uses OpenSSL's defaults. The servers send no tickets; the last column is
// postern serve with tickets.

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

std::vector<std::string> PosternServe(const std::string& program,
                                      const std::string& control,
                                      const std::string& chain_file,
                                      const std::string& key_file,
                                      const std::string& listen) {
  return {program,    "serve",     "--config",   "none",      "--threads",
          "1",        "--control", control,      "--deliver", "discard",
          "--listen", listen,      "--ready-fd", "9",         "--tls-cert",
          chain_file, "--tls-key", key_file};
}

// Prints a row: the median of each server, and the first divided by the next
// two.
void Compare(const std::string& what,
             const std::vector<const MeasuredServer*>& servers,
             const std::vector<Turn>& turns) {
  std::vector<std::vector<double>> micros(servers.size());
  for (int round = 0; round < kRounds; ++round) {
    for (size_t i = 0; i < servers.size(); ++i) {
      micros[i].push_back(SessionMicros(*servers[i], turns));
    }
  }
  std::printf("%-26s", what.c_str());
  for (const auto& each : micros) std::printf(" %9.1f", Median(each));
  std::printf("  ");
  for (const size_t i : {size_t{1}, size_t{2}}) {
    std::printf(" %6.2f", Median(micros[0]) / Median(micros[i]));
  }
  std::printf("\n");
  std::fflush(stdout);
}

int Main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(
        stderr, "usage: tls_bench POSTERN SMTP-FLOOR GO-SMTP WORK-DIRECTORY\n");
    return 100;
  }
  const std::string work = argv[4];
  const std::string control = MakeControls(work, "local.example");
  const std::vector<Turn> cleartext = {{"", 1},
                                       {"EHLO client.example\r\n"},
                                       {"NOOP\r\n"},
                                       {"EHLO client.example\r\n"},
                                       {"QUIT\r\n"}};
  const std::vector<Turn> with_tls = {{"", 1},
                                      {"EHLO client.example\r\n"},
                                      {"STARTTLS\r\n", 1, /*tls=*/true},
                                      {"EHLO client.example\r\n"},
                                      {"QUIT\r\n"}};

  std::printf("%-26s", "us of CPU a session");
  for (const char* name : {"postern", "floor", "go-smtp", "tickets"}) {
    std::printf(" %9s", name);
  }
  std::printf("   to the floor, to go-smtp\n");
  for (const std::string key : {"ecdsa", "rsa"}) {
    const std::string chain_file = work + "/" + key + ".pem";
    const std::string key_file = work + "/" + key + ".key";
    const MeasuredServer with_tickets(
        "tickets",
        PosternServe(argv[1], control, chain_file, key_file,
                     "127.0.0.1:0,tickets"),
        9);
    const MeasuredServer postern(
        "postern",
        PosternServe(argv[1], control, chain_file, key_file, "127.0.0.1:0"), 9);
    const MeasuredServer floor("floor", {argv[2], chain_file, key_file}, 1);
    const MeasuredServer go("go-smtp", {argv[3], chain_file, key_file}, 1);
    const std::vector<const MeasuredServer*> all = {&postern, &floor, &go,
                                                    &with_tickets};
    Compare("STARTTLS, " + key, all, with_tls);
    Compare("without TLS", all, cleartext);
  }
  return 0;
}

}  // namespace
}  // namespace postern::tools

int main(int argc, char** argv) { return postern::tools::Main(argc, argv); }
