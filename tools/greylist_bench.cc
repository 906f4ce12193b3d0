// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Measures the table of greylisting, with one thread, in attempts per second of
// wall time and in CPU time of an attempt:
//
//   greylist_bench DIRECTORY
//
// DIRECTORY must be on a disk, where the table is made. Prints one line for
// each kind of attempt, and the size of the files at the end.

#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "policy/greylisting/greylist_file.h"

namespace {

using postern::policy::GreylistFile;
using postern::policy::GreylistKey;
using Clock = std::chrono::steady_clock;

constexpr int kEntries = 100000;  // the default limit

GreylistKey Key(int i) {
  return {absl::StrCat("10.", i / 200 / 250, ".", i / 200 % 250, ".0/24"),
          absl::StrCat("sender-of-usual-length-", i, "@mail.example.org"),
          absl::StrCat("recipient", i % 100, "@example.net")};
}

void Measure(const char* what, GreylistFile* table, int first, int count,
             absl::FunctionRef<bool(absl::Duration)> expected) {
  const auto start = Clock::now();
  const std::clock_t cpu = std::clock();
  double longest = 0;
  for (int i = first; i < first + count; ++i) {
    const auto before = Clock::now();
    const auto wait = table->Attempt(Key(i));
    longest = std::max(
        longest, std::chrono::duration<double>(Clock::now() - before).count());
    if (!wait.ok() || !expected(*wait)) {
      fprintf(stderr, "greylist_bench: attempt %d: unexpected answer: %s\n", i,
              wait.ok() ? absl::FormatDuration(*wait).c_str()
                        : std::string(wait.status().message()).c_str());
      exit(1);
    }
  }
  const std::chrono::duration<double> time = Clock::now() - start;
  const double used =
      static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC / count;
  printf("%-36s %8.0f attempts/s, the longest %.1f ms, %.1f us of CPU time\n",
         what, count / time.count(), longest * 1000, used * 1e6);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: greylist_bench DIRECTORY\n");
    return 100;
  }
  absl::Time now = absl::FromUnixSeconds(1800000000);
  postern::policy::GreylistOptions options;
  options.file = absl::StrCat(argv[1], "/greylist");
  GreylistFile table(options, [&now] { return now; });
  if (const absl::Status status = table.Open(); !status.ok()) {
    fprintf(stderr, "greylist_bench: %s\n",
            std::string(status.message()).c_str());
    return 111;
  }
  const auto waits = [](absl::Duration wait) {
    return wait > absl::ZeroDuration();
  };
  const auto passes = [](absl::Duration wait) {
    return wait == absl::ZeroDuration();
  };
  Measure("first attempts, the table grows", &table, 0, kEntries, waits);
  Measure("first attempts, the table is full", &table, kEntries, kEntries,
          waits);
  Measure("second attempts, too early", &table, kEntries, kEntries, waits);
  now += absl::Minutes(6);
  Measure("second attempts, which pass", &table, kEntries, kEntries, passes);
  Measure("later attempts, which pass", &table, kEntries, kEntries, passes);
  struct stat file = {};
  if (stat(options.file.c_str(), &file) == 0) {
    printf("%-36s %8.1f MB\n", "size of the file",
           static_cast<double>(file.st_size) / 1e6);
  }
  return 0;
}
