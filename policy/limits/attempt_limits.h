// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// How many AUTH attempts may fail: of one client, and of one client for one
// user.

#ifndef POSTERN_POLICY_LIMITS_ATTEMPT_LIMITS_H_
#define POSTERN_POLICY_LIMITS_ATTEMPT_LIMITS_H_

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <utility>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/grammar/ip_address.h"
#include "net/network_list.h"
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
class AttemptLimits {
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

  // Begins an attempt of a client. Returns whether the client may make one. If
  // so, the attempt counts as a failure of the client until Succeeded() says
  // otherwise. Therefore attempts at the same time cannot pass the limit, and
  // an attempt without a decision (an outage, a client that disconnects) counts
  // as well.
  bool Begin(const std::optional<IpAddress>& address, int64_t now);
  // Returns whether the client may still try `user`. If not, Succeeded() would
  // return false. For exchanges that show before their end that the client
  // knows the password. The attempt continues and still counts.
  bool MayTry(const std::optional<IpAddress>& address, absl::string_view user,
              int64_t now) const;
  // The attempt failed because the credentials for `user` are wrong. `user`
  // must be the same text for each spelling of one user name: see
  // auth/user_key.h.
  void Failed(const std::optional<IpAddress>& address, absl::string_view user,
              int64_t now);
  // The credentials are correct. Returns whether the attempt may succeed.
  // Returns false if the client has failed too often for this user; the attempt
  // then counts as a failure, and a right guess looks like a wrong one.
  bool Succeeded(const std::optional<IpAddress>& address,
                 absl::string_view user, int64_t now);

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
