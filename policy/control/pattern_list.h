// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A control file of patterns, as the qregex patch of qmail has them. A line is
// an extended regular expression (pattern.h), and '!' before it negates it:
//
//   line                  applies to
//   @(.*\.)?x\.example$   each address at x.example and below it
//   ^[0-9]+@              each address whose local part is a number
//   !\.                   each text without a dot
//
// The case of ASCII letters has no effect.

#ifndef POSTERN_POLICY_CONTROL_PATTERN_LIST_H_
#define POSTERN_POLICY_CONTROL_PATTERN_LIST_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "policy/control/control_file.h"
#include "policy/control/pattern.h"

namespace postern::policy {

// Thread-safety: immutable after construction. Any thread may look up texts.
class PatternList {
 public:
  // The largest sum of Pattern::size() in a list: some 200 lines. It limits
  // the time of Find(), for which an event loop waits: 30 ms for an address of
  // the greatest length and the worst expressions, far less for usual ones.
  static constexpr size_t kMaxSize = 5000;

  // An empty list.
  PatternList() = default;
  // Compiles the lines that ReadControlList() returned for the file `path`. An
  // error begins with "PATH:LINE: ". Returns the first one, or adds at most
  // kMaxErrors to `errors` and returns a list without these lines.
  static absl::StatusOr<PatternList> Make(absl::string_view path,
                                          const std::vector<Line>& lines);
  static PatternList Make(absl::string_view path,
                          const std::vector<Line>& lines,
                          std::vector<absl::Status>* errors);

  // Returns "PATH:LINE" of the first line that applies to `text`, or nullopt if
  // none does.
  std::optional<std::string> Find(absl::string_view text) const;

  bool empty() const { return entries_.empty(); }

 private:
  struct Entry {
    Pattern pattern;
    bool negated = false;
    int line = 0;
  };

  std::string path_;
  std::vector<Entry> entries_;
};

}  // namespace postern::policy

#endif  // POSTERN_POLICY_CONTROL_PATTERN_LIST_H_
