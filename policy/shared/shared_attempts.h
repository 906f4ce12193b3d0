// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Failed AUTH attempts that several servers count together.

#ifndef POSTERN_POLICY_SHARED_SHARED_ATTEMPTS_H_
#define POSTERN_POLICY_SHARED_SHARED_ATTEMPTS_H_

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"
#include "engine/grammar/ip_address.h"
#include "policy/limits/attempt_counter.h"
#include "policy/limits/attempt_limits.h"
#include "policy/shared/shared_store.h"

namespace postern::policy {

// Each attempt and each failure counts in the local limits and in the store,
// and an attempt may continue only if both permit it. While the store does not
// work, the local limits decide, and they have counted what was tried at this
// server: an outage is no new start. What they count then is not added to the
// store later.
//
// The buckets in the store are those of AttemptLimits, by the store's clock.
//
//   keys     auth:CLIENT, and auth:CLIENT:USER with SharedKey(USER)
//   type     string: the microsecond since 1970 at which the bucket is full
//   expires  at this time
class SharedAttempts : public AttemptCounter {
 public:
  // Both must outlive the object.
  SharedAttempts(AttemptLimits* local, SharedStore* store)
      : local_(*local), store_(*store) {}

  std::optional<bool> Begin(const std::optional<IpAddress>& address,
                            int64_t now, Later later) override;
  std::optional<bool> MayTry(const std::optional<IpAddress>& address,
                             absl::string_view user, int64_t now,
                             Later later) override;
  void Failed(const std::optional<IpAddress>& address, absl::string_view user,
              int64_t now) override;
  std::optional<bool> Succeeded(const std::optional<IpAddress>& address,
                                absl::string_view user, int64_t now,
                                Later later) override;

 private:
  // Returns whether the store is not asked about the client.
  bool Skips(const std::optional<IpAddress>& address) const;
  SharedQuestion Question(absl::string_view what,
                          const std::optional<IpAddress>& address,
                          absl::string_view user) const;

  AttemptLimits& local_;
  SharedStore& store_;
};

}  // namespace postern::policy

#endif  // POSTERN_POLICY_SHARED_SHARED_ATTEMPTS_H_
