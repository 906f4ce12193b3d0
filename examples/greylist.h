// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// An example of a check: greylisting. docs/extending.md explains it.

#ifndef POSTERN_EXAMPLES_GREYLIST_H_
#define POSTERN_EXAMPLES_GREYLIST_H_

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "policy/check.h"

namespace postern::examples {

// Refuses a recipient temporarily (451) until `delay` has passed since the same
// client first tried the same sender and recipient. This stops programs that
// never try again. Relay clients and users are not affected. Remembers up to
// `max_entries` attempts, in memory, and never removes them; when it is full,
// it refuses no new ones.
//
// Thread-safe.
class Greylist : public policy::Check {
 public:
  explicit Greylist(absl::Duration delay, size_t max_entries = 100000,
                    std::function<absl::Time()> now = absl::Now)
      : delay_(delay), max_entries_(max_entries), now_(std::move(now)) {}

  policy::Opinion Decide(policy::Question* question) const override;

 private:
  const absl::Duration delay_;
  const size_t max_entries_;
  const std::function<absl::Time()> now_;
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  mutable absl::flat_hash_map<std::string, absl::Time> first_seen_;
};

// Makes the check if --greylist gives a number of seconds.
absl::StatusOr<std::unique_ptr<const policy::Check>> MakeGreylist(
    const policy::CheckSetup& setup);

// Its entry in the list of checks.
inline constexpr policy::CheckEntry kGreylistEntry = {
    {.rule = "greylist",
     .help = "refuses what a client sends for the first time\n"
             "for N seconds",
     .option = "greylist",
     .value = "N"},
    MakeGreylist};

}  // namespace postern::examples

#endif  // POSTERN_EXAMPLES_GREYLIST_H_
