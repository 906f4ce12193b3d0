// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Measures durable delivery: how many messages per second postern serve stores
// in one Maildir, compared with what the disk can do.
//
//   maildir_bench POSTERN WORK-DIRECTORY
//
// "disk" means threads of this process, as many as clients, that make the
// necessary system calls for as many files of the same size: write a file,
// fsync it, rename it, fsync its new directory. Both are measured alternately;
// each figure is the median of several rounds. The work directory must be on
// the disk to measure.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>  // NOLINT(build/c++11)
#include <vector>

#include "tools/load.h"
#include "tools/measured_server.h"

namespace postern::tools {
namespace {

constexpr int kRounds = 7;

// Old files stay until the end, because a disk is slow for seconds after blocks
// are freed.
struct Scenario {
  int clients;
  int messages;  // per session; there are two sessions per client
};
constexpr Scenario kScenarios[] = {{1, 250}, {10, 150}, {50, 60}, {200, 20}};

using Clock = std::chrono::steady_clock;

double PerSecond(int messages, Clock::time_point begin) {
  return messages / std::chrono::duration<double>(Clock::now() - begin).count();
}

void Check(bool ok, const std::string& what) {
  if (!ok) Die(what);
}

double Disk(const std::string& folder, const std::string& message, int messages,
            int threads) {
  MakeMaildir(folder);
  const int to = open((folder + "/new").c_str(), O_RDONLY | O_DIRECTORY);
  Check(to >= 0, folder);
  std::atomic<int> next = 0;
  const Clock::time_point begin = Clock::now();
  std::vector<std::thread> workers;
  for (int i = 0; i < threads; ++i) {
    workers.emplace_back([&] {
      for (int n; (n = next++) < messages;) {
        const std::string name = "/" + std::to_string(n);
        const std::string file = folder + "/tmp" + name;
        const int fd = open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL, 0600);
        Check(fd >= 0, file);
        Check(write(fd, message.data(), message.size()) ==
                  static_cast<ssize_t>(message.size()),
              file);
        Check(fsync(fd) == 0 && close(fd) == 0, file);
        Check(rename(file.c_str(), (folder + "/new" + name).c_str()) == 0,
              file);
        Check(fsync(to) == 0, folder);
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  const double rate = PerSecond(messages, begin);
  close(to);
  return rate;
}

int Main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: maildir_bench POSTERN WORK-DIRECTORY\n");
    return 100;
  }
  const std::string work = argv[2];
  const std::string control = MakeControls(work, "local.example");
  const std::string maildir = work + "/Maildir";
  MakeMaildir(maildir);
  const MeasuredServer postern(
      "postern",
      {argv[1], "serve", "--config", "none", "--control", control, "--deliver",
       "maildir:" + maildir, "--listen", "127.0.0.1:0", "--ready-fd", "9",
       "--max-per-client", "0"},
      9);

  const std::string kilobyte = Content(1024);
  std::printf("%-12s %10s %10s   to the disk\n", "messages/s", "postern",
              "disk");
  int folder = 0;
  for (const auto& [clients, each] : kScenarios) {
    const std::vector<Turn> session = Session(each, true, kilobyte);
    const int messages = each * 2 * clients;
    std::vector<double> ours;
    std::vector<double> disk;
    for (int round = 0; round < kRounds; ++round) {
      const Clock::time_point begin = Clock::now();
      Load(session, 2 * clients, clients, postern.port()).Run();
      ours.push_back(PerSecond(messages, begin));
      disk.push_back(Disk(work + "/disk" + std::to_string(++folder), kilobyte,
                          messages, clients));
    }
    std::printf("%3d clients  %10.0f %10.0f   %.2f\n", clients, Median(ours),
                Median(disk), Median(ours) / Median(disk));
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace
}  // namespace postern::tools

int main(int argc, char** argv) { return postern::tools::Main(argc, argv); }
