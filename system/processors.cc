// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "system/processors.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace postern::system {
namespace {

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// Returns true if `option` is in a list separated by commas.
bool HasOption(absl::string_view list, absl::string_view option) {
  const std::vector<absl::string_view> options = absl::StrSplit(list, ',');
  return std::find(options.begin(), options.end(), option) != options.end();
}

// A mounted hierarchy of control groups.
struct Hierarchy {
  bool unified = false;  // version 2
  std::string mount;     // where it is mounted
  std::string top;       // the group at the mount point
};

// Returns the hierarchies that can limit processor time. A line of mountinfo
// (proc(5)) is
//
//   36 35 0:30 /top /mount rw,... shared:1 - cgroup2 cgroup2 rw,...
//
// Paths with blanks are escaped there and therefore not found. No known system
// mounts control groups at such a path.
std::vector<Hierarchy> Hierarchies(const std::string& root) {
  std::vector<Hierarchy> found;
  const std::string text = ReadFile(root + "/proc/self/mountinfo");
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::vector<absl::string_view> halves =
        absl::StrSplit(line, absl::MaxSplits(" - ", 1));
    if (halves.size() != 2) continue;
    const std::vector<absl::string_view> first = absl::StrSplit(halves[0], ' ');
    const std::vector<absl::string_view> second =
        absl::StrSplit(halves[1], ' ');
    if (first.size() < 6 || second.size() < 3) continue;
    const bool unified = second[0] == "cgroup2";
    if (!unified && !(second[0] == "cgroup" && HasOption(second[2], "cpu"))) {
      continue;
    }
    found.push_back({unified, std::string(first[4]), std::string(first[3])});
  }
  return found;
}

// Returns the group of this process in a hierarchy. A line of the file is
// "0::/group" for version 2, and "4:cpu,cpuacct:/group" for version 1.
std::optional<std::string> Group(const std::string& root, bool unified) {
  const std::string text = ReadFile(root + "/proc/self/cgroup");
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::vector<absl::string_view> parts =
        absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (parts.size() != 3) continue;
    if (unified ? parts[1].empty() : HasOption(parts[1], "cpu")) {
      return std::string(parts[2]);
    }
  }
  return std::nullopt;
}

std::optional<double> Quotient(absl::string_view quota,
                               absl::string_view period) {
  int64_t time = 0;
  int64_t whole = 0;
  if (!absl::SimpleAtoi(quota, &time) || !absl::SimpleAtoi(period, &whole) ||
      time <= 0 || whole <= 0) {
    return std::nullopt;  // "max", or -1: no limit
  }
  return static_cast<double>(time) / static_cast<double>(whole);
}

std::optional<double> QuotaOf(const std::string& folder, bool unified) {
  if (!unified) {
    return Quotient(ReadFile(folder + "/cpu.cfs_quota_us"),
                    ReadFile(folder + "/cpu.cfs_period_us"));
  }
  const std::string text = ReadFile(folder + "/cpu.max");
  const std::vector<absl::string_view> words =
      absl::StrSplit(text, absl::ByAnyChar(" \n"), absl::SkipEmpty());
  if (words.size() != 2) return std::nullopt;
  return Quotient(words[0], words[1]);
}

}  // namespace

std::optional<double> ProcessorQuota(const std::string& root) {
  std::optional<double> least;
  for (const Hierarchy& hierarchy : Hierarchies(root)) {
    std::optional<std::string> group = Group(root, hierarchy.unified);
    if (!group) continue;
    // In a container, the path may be that outside of the container, while the
    // container's own group is at the mount point.
    if (hierarchy.top != "/" && absl::StartsWith(*group, hierarchy.top)) {
      group->erase(0, hierarchy.top.size());
    }
    // The limit of a group also applies to all groups below it.
    while (true) {
      const std::optional<double> quota = QuotaOf(
          absl::StrCat(root, hierarchy.mount, *group), hierarchy.unified);
      if (quota && (!least || *quota < *least)) least = quota;
      const size_t slash = group->rfind('/');
      if (slash == std::string::npos) break;
      group->erase(slash);
    }
  }
  return least;
}

int UsableProcessors() {
  int count = 0;
  // More than any computer has. sched_getaffinity(2) fails if the mask is too
  // short.
  constexpr int kMaxProcessors = 8192;
  cpu_set_t* const mask = CPU_ALLOC(kMaxProcessors);
  const size_t size = CPU_ALLOC_SIZE(kMaxProcessors);
  if (mask != nullptr && sched_getaffinity(0, size, mask) == 0) {
    count = CPU_COUNT_S(size, mask);
  }
  CPU_FREE(mask);
  if (count == 0) count = static_cast<int>(std::thread::hardware_concurrency());
  if (const std::optional<double> quota = ProcessorQuota("")) {
    count = std::min(count, static_cast<int>(std::ceil(*quota)));
  }
  return std::max(count, 1);
}

}  // namespace postern::system
