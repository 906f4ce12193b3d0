// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The entries of a control file, to be found whatever the case of their
// letters, together with the line that a decision will name as its reason.

#ifndef POSTERN_POLICY_CONTROL_LINE_SET_H_
#define POSTERN_POLICY_CONTROL_LINE_SET_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "policy/control/control_file.h"

namespace postern::policy {

// Thread-safety: once built it never changes; any thread may look things up.
class LineSet {
 public:
  // No entries, of no file.
  LineSet() = default;
  // Takes what ReadControlList() made of the file `path`. Linear.
  LineSet(absl::string_view path, std::vector<Line> lines);

  // Its index holds views of its lines: they survive a move and not a copy.
  LineSet(LineSet&&) = default;
  LineSet& operator=(LineSet&&) = default;
  LineSet(const LineSet&) = delete;
  LineSet& operator=(const LineSet&) = delete;

  // Returns "PATH:LINE" of the first entry that equals `key`, which has no
  // upper-case ASCII letters; nullopt where there is none. Constant time, or
  // linear in a short list.
  std::optional<std::string> Find(absl::string_view key) const;

  bool empty() const { return lines_.empty(); }

 private:
  std::string path_;
  std::vector<Line> lines_;  // in lower case
  // Entry to line number. Empty for a short list, which is as quickly read.
  absl::flat_hash_map<absl::string_view, int> index_;
};

}  // namespace postern::policy

#endif  // POSTERN_POLICY_CONTROL_LINE_SET_H_
