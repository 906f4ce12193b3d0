// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Rate limits that several servers count together.

#ifndef POSTERN_POLICY_SHARED_SHARED_RATES_H_
#define POSTERN_POLICY_SHARED_SHARED_RATES_H_

#include <memory>
#include <string>
#include <vector>

#include "policy/limits/rate_counter.h"
#include "policy/limits/rate_limits.h"
#include "policy/shared/shared_store.h"

namespace postern::policy {

// Each amount is taken from the local limits first, and then from those in the
// store. It is refused if either has less left; then nothing is taken from
// both. So a client that has used up a limit at this server costs the store
// nothing. While the store does not work, the local limits decide, and they
// have counted all that this server has accepted before: an outage is no new
// start. What they accept then is not added to the store later.
//
// A count in the store is a sliding window as in RateLimits, by the store's
// clock. Two limits of one subject and one time are one count, of which the
// smaller limit decides.
//
//   key      rate:WHO:WHAT:SECONDS:SUBJECT, with SharedKey(SUBJECT)
//   type     hash: the number of a twelfth of the limit's time and what was
//            taken in it; "refused" and the number of the first refusal
//   expires  after 14/12 of the limit's time
//
// If an answer does not come, it is unknown whether the store has counted the
// amount. Then it stays counted there until it leaves the window.
class SharedRates : public RateCounter {
 public:
  // Both must outlive the object and its claims.
  SharedRates(RateLimits* local, SharedStore* store);

  std::unique_ptr<RateClaim> Begin(const RateSubject& subject) override;

 private:
  class Claim;

  RateLimits& local_;
  SharedStore& store_;
  // By limit: the beginning of its keys. Empty: another limit decides.
  std::vector<std::string> keys_;
};

}  // namespace postern::policy

#endif  // POSTERN_POLICY_SHARED_SHARED_RATES_H_
