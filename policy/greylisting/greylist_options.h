// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The value of --greylist.

#ifndef POSTERN_POLICY_GREYLISTING_GREYLIST_OPTIONS_H_
#define POSTERN_POLICY_GREYLISTING_GREYLIST_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace postern::policy {

// The defaults of the times and of `successes` are postgrey's.
struct GreylistOptions {
  std::string file;  // an absolute path
  // A second attempt passes if it comes between these times after the first.
  absl::Duration delay = absl::Seconds(300);
  absl::Duration window = absl::Hours(48);
  // A network that has passed so often, at most once in an hour, is
  // whitelisted: its clients do not wait any more.
  int successes = 5;
  // What has passed is remembered so long after its last use.
  absl::Duration lifetime = absl::Hours(24 * 35);
  // The largest number of attempts, and of networks. At this number the oldest
  // one is removed for each new one.
  size_t max_entries = 100000;
  // The largest number of attempts of one network. At this number its own
  // oldest attempt is removed, so one network cannot remove those of others.
  size_t max_of_network() const {
    return max_entries < 100 ? 1 : max_entries / 100;
  }
  bool ignore_outage = false;  // pass if the table cannot answer
};

// Parses FILE[,WORD]..., where the words are delay=N and window=N in seconds,
// max-entries=N, and ignore-outage. The error names the word that is wrong.
absl::StatusOr<GreylistOptions> ParseGreylistOptions(absl::string_view text);

}  // namespace postern::policy

#endif  // POSTERN_POLICY_GREYLISTING_GREYLIST_OPTIONS_H_
