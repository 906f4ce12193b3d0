// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// How many AUTH attempts may fail: of one client, and of one client for one
// user.

#ifndef POSTERN_POLICY_LIMITS_ATTEMPT_LIMITS_H_
#define POSTERN_POLICY_LIMITS_ATTEMPT_LIMITS_H_

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/grammar/ip_address.h"
#include "net/network_list.h"
#include "policy/limits/attempt_counter.h"
#include "policy/limits/client_network.h"
#include "policy/limits/limited_table.h"

namespace postern::policy {

// A client is a ClientNetwork. Each failure takes one token from a bucket. A
// bucket holds as many tokens as the limit and fills up evenly in
// `Limits::time`. So all failures may come at once, and in that time fewer than
// twice as many are possible.
//
// Clients without an address, from a Unix socket, cannot be distinguished. They
// share one bucket per user and have no bucket for the client: with such a
// bucket one attacker could lock out all other users.
//
// A client's limits never depend on other clients. So no attacker can lock out
// a user, except from the user's own network.
//
// Times are nanoseconds of any clock that does not go back. Thread-safe: one
// mutex, locked for a few lookups. Memory: less than 100 bytes for each bucket
// that is not full. Full buckets are removed as new ones are added.
class AttemptLimits : public AttemptCounter {
 public:
  struct Limits {
    size_t of_client = 30;  // failures of one client; 0: no limit
    size_t of_user = 10;    // of one client for one user; 0: no limit
    absl::Duration time = absl::Minutes(10);
    net::NetworkList exempt;  // these networks have no limit
    // The largest number of buckets. Above it, some are removed, and their
    // clients start with full buckets again.
    size_t remembered = 65536;
  };

  explicit AttemptLimits(Limits limits) : limits_(std::move(limits)) {}

  // The functions of AttemptCounter, which answer at once.
  bool Begin(const std::optional<IpAddress>& address, int64_t now);
  bool MayTry(const std::optional<IpAddress>& address, absl::string_view user,
              int64_t now) const;
  void Failed(const std::optional<IpAddress>& address, absl::string_view user,
              int64_t now) override;
  bool Succeeded(const std::optional<IpAddress>& address,
                 absl::string_view user, int64_t now);
  // An attempt that Begin() has permitted is not made after all, and does not
  // count.
  void Withdraw(const std::optional<IpAddress>& address);

  std::optional<bool> Begin(const std::optional<IpAddress>& address,
                            int64_t now, Later later) override;
  std::optional<bool> MayTry(const std::optional<IpAddress>& address,
                             absl::string_view user, int64_t now,
                             Later later) override;
  std::optional<bool> Succeeded(const std::optional<IpAddress>& address,
                                absl::string_view user, int64_t now,
                                Later later) override;

  const Limits& limits() const { return limits_; }
  // Returns the number of buckets.
  size_t size() const;

 private:
  // The bucket of the client itself has the user number 0.
  using Key = std::pair<ClientNetwork, uint64_t>;

  size_t LimitOfClient(const std::optional<IpAddress>& address) const {
    return address ? limits_.of_client : 0;
  }
  int64_t Cost(size_t limit) const;
  bool Has(const Key& key, size_t limit, int64_t now) const;
  void Take(const Key& key, size_t limit, int64_t now);
  void GiveBack(const Key& key, size_t limit);

  const Limits limits_;
  mutable std::mutex mutex_;            // guards the member below
  LimitedTable<Key, int64_t> full_at_;  // the time when a bucket is full
};

}  // namespace postern::policy

#endif  // POSTERN_POLICY_LIMITS_ATTEMPT_LIMITS_H_
