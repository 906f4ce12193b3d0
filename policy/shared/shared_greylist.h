// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A table of greylisting that several servers have in common.

#ifndef POSTERN_POLICY_SHARED_SHARED_GREYLIST_H_
#define POSTERN_POLICY_SHARED_SHARED_GREYLIST_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "policy/greylisting/greylist_key.h"
#include "policy/greylisting/greylist_options.h"
#include "policy/greylisting/greylist_table.h"
#include "policy/shared/shared_store.h"
#include "system/run.h"

namespace postern::policy {

// Each attempt is recorded in the store and in the local table, and passes if
// either lets it pass; the other one then learns that. So the local table knows
// what has passed, and serves alone while the store does not work. A store that
// has lost its data learns again from the local tables, and so does a new one.
//
// Any number of attempts may wait for the store at one time, none of them on a
// thread of the caller (AttemptLater()). RedisStore limits their number.
//
// The rules are those of GreylistFile, by the store's clock.
//
//   key      grey:NETWORK
//   type     hash: "successes" and "last" of the network; for each attempt
//            SENDER:RECIPIENT, both as SharedKey(), and its value FIRST:PASSED
//            in seconds since 1970 (PASSED is 0 if it has not passed)
//   expires  after `window`, or after `lifetime` if anything has passed
//   key      grey, a sorted set: the keys of all networks, by their last change
//
// The store keeps at most GreylistOptions::max_entries networks, and
// max_of_network() attempts of one network. Above that the oldest ones are
// removed, but at most 100 networks for each new one: a lower limit than before
// takes effect step by step, so that the store has no long pause.
class SharedGreylist : public GreylistTable {
 public:
  enum class Access : uint8_t {
    kReadWrite,
    kReadOnly,  // answers, and records nothing
  };

  // `local` and `store` must outlive the object.
  SharedGreylist(GreylistOptions options, GreylistTable* local,
                 SharedStore* store, Access access = Access::kReadWrite);

  absl::StatusOr<absl::Duration> Attempt(const GreylistKey& key) override;
  void AttemptLater(const GreylistKey& key, const system::Run& run,
                    Done done) override;

 private:
  SharedQuestion Question(absl::string_view what, const GreylistKey& key) const;
  void Ask(const GreylistKey& key, SharedStore::Done done);
  // Records the attempt in the local table, with what the store has answered.
  absl::StatusOr<absl::Duration> Decide(
      const GreylistKey& key,
      const absl::StatusOr<SharedStore::Numbers>& numbers);

  const GreylistOptions options_;
  GreylistTable& local_;
  SharedStore& store_;
  const Access access_;
};

}  // namespace postern::policy

#endif  // POSTERN_POLICY_SHARED_SHARED_GREYLIST_H_
