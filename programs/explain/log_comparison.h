// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Compares the decisions in the log of a server with those of a configuration
// of postern.

#ifndef POSTERN_PROGRAMS_EXPLAIN_LOG_COMPARISON_H_
#define POSTERN_PROGRAMS_EXPLAIN_LOG_COMPARISON_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "programs/explain/old_log.h"

namespace postern::programs {

// The answer of postern.
struct NewDecision {
  Decided decided = Decided::kAccept;
  std::string reason;  // "rcpthosts: control/rcpthosts:3"
};

// The log is read line by line, and only counts and a few examples are kept: at
// most kMaxGroups groups with kMaxExamples examples each.
//
// Thread-compatible.
class LogComparison {
 public:
  using Ask = std::function<NewDecision(const LoggedDecision&)>;

  static constexpr size_t kMaxGroups = 200;
  static constexpr size_t kMaxExamples = 3;
  // Longer lines are counted and not read.
  static constexpr size_t kMaxLine = size_t{64} << 10;

  // `name` is that of the log, for examples.
  LogComparison(std::string name, Ask ask)
      : name_(std::move(name)), ask_(std::move(ask)) {}

  // Reads the open file to its end. Returns an error that names the log if it
  // cannot be read.
  absl::Status Read(int descriptor);
  // Adds a line without its end.
  void Add(absl::string_view line);

  bool differs() const { return different_ > 0; }
  uint64_t decisions() const { return same_ + different_; }

  std::string FormatText() const;
  std::string FormatJson() const;

 private:
  struct Group {
    Decided old_decided = Decided::kAccept;
    Decided new_decided = Decided::kAccept;
    uint64_t count = 0;
    std::vector<std::string> examples;
  };
  using Key = std::pair<std::string, std::string>;  // the reasons

  // The groups, the largest first.
  std::vector<const std::pair<const Key, Group>*> Sorted() const;

  const std::string name_;
  const Ask ask_;
  uint64_t lines_ = 0;
  uint64_t other_ = 0;     // lines about something else
  uint64_t too_long_ = 0;  // lines above kMaxLine
  uint64_t same_ = 0;
  uint64_t different_ = 0;
  uint64_t ungrouped_ = 0;  // differences beyond kMaxGroups
  std::map<absl::string_view, uint64_t> unusable_;
  std::map<Key, Group> groups_;
};

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_EXPLAIN_LOG_COMPARISON_H_
