// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The domains or addresses of a control file, for lookups that ignore case.
// Each has its line number, which a decision names as its source.

#ifndef POSTERN_POLICY_CONTROL_LINE_SET_H_
#define POSTERN_POLICY_CONTROL_LINE_SET_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "policy/control/control_file.h"

namespace postern::policy {

// Thread-safety: immutable after construction. Any thread may look up entries.
class LineSet {
 public:
  // An empty list.
  LineSet() = default;
  // Takes the lines that ReadControlList() returned for the file `path`.
  // Linear.
  LineSet(absl::string_view path, std::vector<Line> lines);

  // Movable but not copyable, because the index has views of the lines.
  LineSet(LineSet&&) = default;
  LineSet& operator=(LineSet&&) = default;
  LineSet(const LineSet&) = delete;
  LineSet& operator=(const LineSet&) = delete;

  // Returns "PATH:LINE" of the first entry that equals `key`, or nullopt if
  // there is none. `key` must be a result of AsciiAddress(), which is also
  // applied to the entries. Constant time, or linear in a short list.
  std::optional<std::string> Find(absl::string_view key) const;

  bool empty() const { return lines_.empty(); }

  // The entries in the order of the file: results of AsciiAddress(), with
  // repetitions.
  const std::vector<Line>& lines() const { return lines_; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  std::vector<Line> lines_;  // results of AsciiAddress()
  // Entry to line number. Empty for a short list, which is searched linearly.
  absl::flat_hash_map<absl::string_view, int> index_;
};

}  // namespace postern::policy

#endif  // POSTERN_POLICY_CONTROL_LINE_SET_H_
