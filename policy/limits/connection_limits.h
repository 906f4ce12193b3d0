// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The limits of connections: at one time in total, at one time from one client,
// and new ones from one client per minute.
//
// A client is a ClientNetwork: an IPv4 address, or the /64 network of an IPv6
// address. Clients without an address, from a Unix socket, cannot be
// distinguished. They count in the total and have no limit of their own,
// because one of them would use it up for the others. The permissions of the
// socket control who can connect.

#ifndef POSTERN_POLICY_LIMITS_CONNECTION_LIMITS_H_
#define POSTERN_POLICY_LIMITS_CONNECTION_LIMITS_H_

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>
#include <variant>

#include "absl/strings/string_view.h"
#include "engine/grammar/ip_address.h"
#include "net/network_list.h"
#include "policy/limits/client_network.h"
#include "policy/limits/limited_table.h"

namespace postern::policy {

// Thread-safety: any thread may call any method at any time. One mutex, locked
// for a few lookups and never while waiting.
//
// Memory: a client is stored while it has a connection or while its bucket is
// not full. Other clients are removed as new ones are added, two for each new
// one. The number of clients is at most the highest number of connections at
// one time plus Limits::remembered, with less than 200 bytes each. The hash
// function has a seed for each process, so an attacker cannot choose clients
// that collide.
class ConnectionLimits {
 public:
  struct Limits {
    // Connections at one time in total; 0: no limit. Stops an attacker with
    // many addresses.
    size_t in_all = 1000;
    // Connections at one time from one client; 0: no limit. Stops one client
    // from using all connections.
    size_t from_client = 50;
    // New connections per minute from one client; 0: no limit. Each one takes
    // one token from a bucket. A bucket holds as many tokens as the limit and
    // fills up evenly in a minute. So all of them may come at once, and in any
    // minute fewer than twice as many are possible. A refused connection takes
    // nothing.
    size_t per_minute = 0;
    // These networks, and clients without an address, have none of the limits
    // of one client.
    net::NetworkList exempt;
    // The largest number of stored clients without a connection, for
    // `per_minute`. Above it, some are removed and start with full buckets
    // again.
    size_t remembered = 65536;
  };

  // Why a connection is refused.
  enum class Refusal : uint8_t {
    kTooManyInAll,
    kTooManyFromClient,
    kTooFast,
  };

  class Slot;

  explicit ConnectionLimits(Limits limits);
  ConnectionLimits(const ConnectionLimits&) = delete;
  ConnectionLimits& operator=(const ConnectionLimits&) = delete;
  // All slots must be destroyed before.
  ~ConnectionLimits();

  // Returns a slot for a connection of the client at `address`, or the reason
  // why it is refused. If there are several reasons, returns the first one in
  // Refusal. `now` is in nanoseconds of any clock that does not go back;
  // threads may pass times that are slightly old. Constant time, except for the
  // search in Limits::exempt, which needs no lock.
  std::variant<Slot, Refusal> Admit(const std::optional<IpAddress>& address,
                                    int64_t now);

  // Returns the number of slots in use.
  size_t open() const;
  // Returns the number of stored clients.
  size_t clients() const;

 private:
  struct Entry {
    size_t open = 0;
    int64_t full_at = 0;  // the time when the bucket is full
  };

  void GiveBack(const ClientNetwork& client);

  const Limits limits_;
  mutable std::mutex mutex_;  // guards the members below
  size_t open_ = 0;
  LimitedTable<ClientNetwork, Entry> clients_;
};

// The right to one connection. The destructor returns it, on any thread. The
// ConnectionLimits must outlive the slot.
class ConnectionLimits::Slot {
 public:
  Slot(Slot&& other) noexcept
      : limits_(std::exchange(other.limits_, nullptr)),
        client_(other.client_) {}
  Slot& operator=(Slot&& other) noexcept {
    std::swap(limits_, other.limits_);
    std::swap(client_, other.client_);
    return *this;
  }
  ~Slot() {
    if (limits_ != nullptr) limits_->GiveBack(client_);
  }

 private:
  friend class ConnectionLimits;
  Slot(ConnectionLimits* limits, const ClientNetwork& client)
      : limits_(limits), client_(client) {}

  ConnectionLimits* limits_;  // null after a move
  ClientNetwork client_;
};

}  // namespace postern::policy

#endif  // POSTERN_POLICY_LIMITS_CONNECTION_LIMITS_H_
