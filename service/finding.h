// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What a test of a configuration has found.

#ifndef POSTERN_SERVICE_FINDING_H_
#define POSTERN_SERVICE_FINDING_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace postern::service {

struct Finding {
  enum class Severity : uint8_t {
    kWarning,
    // The server serves, but some of its clients cannot use it.
    kFault,
    // The server does not start. A running server stays as it was.
    kError,
  };

  Severity severity = Severity::kWarning;
  // The place: "FILE:LINE", "FILE" or "--OPTION". May be empty.
  std::string where;
  std::string what;
  std::string fix;  // what to do, in one sentence; may be empty

  // Returns "WHERE: WHAT; FIX". This is the text of the log, too.
  std::string Text() const;

  friend bool operator==(const Finding&, const Finding&) = default;
};

// Findings in the order in which they were made. Thread-compatible.
class Findings {
 public:
  // Adds a finding. Of findings with the same text, such as those of listeners
  // that share a file, one stays, with the greatest severity. A text without a
  // place is the same as that text with a place before it.
  void Add(Finding finding);

  // Add what a text says, in the form of Finding::Text(). The place is what
  // precedes the first ": ", if it is a path, an option or a single word. "cdb "
  // before a path is left out. The fix follows the first "; ". The errors and
  // warnings about configurations have this form.
  void AddError(absl::string_view text) {
    Add(Finding::Severity::kError, text);
  }
  void AddFault(absl::string_view text) {
    Add(Finding::Severity::kFault, text);
  }
  void AddWarning(absl::string_view text) {
    Add(Finding::Severity::kWarning, text);
  }
  void AddErrors(absl::Span<const absl::Status> errors);
  void AddWarnings(absl::Span<const std::string> warnings);

  const std::vector<Finding>& all() const { return all_; }
  size_t count(Finding::Severity severity) const;
  // Whether the configuration prevents a start.
  bool prevent_start() const { return count(Finding::Severity::kError) > 0; }

 private:
  void Add(Finding::Severity severity, absl::string_view text);

  std::vector<Finding> all_;
};

}  // namespace postern::service

#endif  // POSTERN_SERVICE_FINDING_H_
