// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// How many connections there may be: at once in all, at once of one client, and
// new ones of one client in a minute.
//
// A client is a ClientNetwork: an IPv4 address, or the /64 of an IPv6 one.
// Clients without an address, which come by a Unix socket, cannot be told
// apart. They count in all and have no limit of their own: one of them would
// use it up for the others. The permissions of the socket say who they are.

#ifndef POSTERN_POLICY_LIMITS_CONNECTION_LIMITS_H_
#define POSTERN_POLICY_LIMITS_CONNECTION_LIMITS_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <utility>
#include <variant>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "engine/grammar/ip_address.h"
#include "net/network_list.h"
#include "policy/limits/client_network.h"

namespace postern::policy {

// Thread-safety: any thread may call anything at any time. One mutex, held for
// a few look-ups in a table and for nothing that waits.
//
// Memory: a client is known while it has a connection or its bucket is not
// full. Those of whom neither is so are forgotten as new ones come, two for
// each. There are never more than the most connections that have been at once
// and Limits::remembered, at less than 200 octets each. The table hashes with a
// seed of the process, so nobody can choose clients that collide.
class ConnectionLimits {
 public:
  struct Limits {
    // Connections at once, of everyone; 0: no limit. Stops whoever has many
    // addresses.
    size_t in_all = 1000;
    // Connections at once, of one client; 0: no limit. Stops one that takes
    // them all.
    size_t from_client = 50;
    // New connections in a minute, of one client; 0: no limit. They are taken
    // from a bucket that holds so many and fills up evenly in a minute. So all
    // of them may come at once, and in any one minute less than twice as many.
    // One that is refused takes nothing.
    size_t per_minute = 0;
    // These, and clients without an address, have neither limit of one client.
    net::NetworkList exempt;
    // Clients without a connection that are remembered for `per_minute`. Where
    // there are more, some are forgotten, and may begin anew.
    size_t remembered = 65536;
  };

  // Why there is no slot.
  enum class Refusal : uint8_t {
    kTooManyInAll,
    kTooManyFromClient,
    kTooFast,
  };

  class Slot;

  explicit ConnectionLimits(Limits limits);
  ConnectionLimits(const ConnectionLimits&) = delete;
  ConnectionLimits& operator=(const ConnectionLimits&) = delete;
  // All slots must have been given back.
  ~ConnectionLimits();

  // Returns a slot for a connection of the client at `address`, or why there is
  // none: of several reasons, the one that comes first in Refusal. `now` is
  // nanoseconds of any clock that does not go back; threads may be late with
  // theirs. Constant time but for Limits::exempt, which is looked through
  // before the mutex is taken.
  std::variant<Slot, Refusal> Admit(const std::optional<IpAddress>& address,
                                    int64_t now);

  // Returns the slots that are taken.
  size_t open() const;
  // Returns the clients that are known.
  size_t clients() const;

 private:
  struct Entry {
    size_t open = 0;
    int64_t full_at = 0;  // when the bucket is full again
  };

  void GiveBack(const ClientNetwork& client);
  // Makes room for one more client; `mutex_` is held.
  void Forget(int64_t now);

  const Limits limits_;
  mutable std::mutex mutex_;  // of all below
  size_t open_ = 0;
  absl::flat_hash_map<ClientNetwork, Entry> clients_;
  // Each of `clients_` once, in the order in which it is looked at whether it
  // can be forgotten.
  std::deque<ClientNetwork> round_;
};

// What an admitted connection holds: its destruction gives it back, in any
// thread, while the ConnectionLimits still are.
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

  ConnectionLimits* limits_;  // null: moved from
  ClientNetwork client_;
};

}  // namespace postern::policy

#endif  // POSTERN_POLICY_LIMITS_CONNECTION_LIMITS_H_
