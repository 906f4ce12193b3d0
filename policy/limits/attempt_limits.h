// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// How many attempts to log in may fail: of one client, and of one client for
// one user.

#ifndef POSTERN_POLICY_LIMITS_ATTEMPT_LIMITS_H_
#define POSTERN_POLICY_LIMITS_ATTEMPT_LIMITS_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/grammar/ip_address.h"
#include "net/network_list.h"
#include "policy/limits/client_network.h"

namespace postern::policy {

// A client is a ClientNetwork. Failures are taken from a bucket that holds so
// many and fills up evenly in `Limits::time`: all may come at once, and in that
// time less than twice as many.
//
// Clients without an address, which come by a Unix socket, cannot be told
// apart. They share their buckets for each user, and have none of a client: one
// who guesses would lock all others out of all accounts.
//
// What a client may do never depends on others: nobody can lock a user out but
// from where the user is.
//
// Times are nanoseconds of any clock that does not go back. Thread-safe: one
// mutex, held for a few look-ups. Memory: a bucket that is not full, at less
// than 100 octets; full ones are forgotten as new ones come.
class AttemptLimits {
 public:
  struct Limits {
    size_t of_client = 30;  // failures of one client; 0: no limit
    size_t of_user = 10;    // of one client for one user; 0: no limit
    absl::Duration time = absl::Minutes(10);
    net::NetworkList exempt;  // these have no limit
    // Buckets. Where there are more, some are forgotten, and begin anew.
    size_t remembered = 65536;
  };

  explicit AttemptLimits(Limits limits) : limits_(std::move(limits)) {}

  // A client begins an attempt. Returns whether it may; then the attempt counts
  // as a failure of the client's until Succeeded() says otherwise. So many at
  // once are no way around the limit, and an attempt that comes to no decision
  // (an outage, a client that leaves) is not free.
  bool Begin(const std::optional<IpAddress>& address, int64_t now);
  // Returns whether the client may still try `user`: false where Succeeded()
  // would say so. For exchanges that show before their end that the client
  // knows the password. The attempt goes on, and still counts.
  bool MayTry(const std::optional<IpAddress>& address, absl::string_view user,
              int64_t now) const;
  // The attempt has failed, because the credentials for `user` are wrong.
  // `user` is the same text for each way to spell one user: see
  // auth/account_key.h.
  void Failed(const std::optional<IpAddress>& address, absl::string_view user,
              int64_t now);
  // The attempt would succeed. Returns whether it may; false: the client has
  // failed for this user too often, and this counts as a failure too. Then a
  // right guess looks like a wrong one.
  bool Succeeded(const std::optional<IpAddress>& address,
                 absl::string_view user, int64_t now);

  // Returns the buckets that are known.
  size_t size() const;

 private:
  // The client's own bucket has no user.
  using Key = std::pair<ClientNetwork, uint64_t>;

  size_t LimitOfClient(const std::optional<IpAddress>& address) const {
    return address ? limits_.of_client : 0;
  }
  int64_t Cost(size_t limit) const;
  bool Has(const Key& key, size_t limit, int64_t now) const;
  void Take(const Key& key, size_t limit, int64_t now);
  void GiveBack(const Key& key, size_t limit);
  void Forget(int64_t now);

  const Limits limits_;
  mutable std::mutex mutex_;                   // of all below
  absl::flat_hash_map<Key, int64_t> full_at_;  // when a bucket is full again
  std::deque<Key> round_;  // each of these once, as they are looked at
};

}  // namespace postern::policy

#endif  // POSTERN_POLICY_LIMITS_ATTEMPT_LIMITS_H_
