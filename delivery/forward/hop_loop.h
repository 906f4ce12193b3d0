// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Connections to next hops on the event loops of a server.

#ifndef POSTERN_DELIVERY_FORWARD_HOP_LOOP_H_
#define POSTERN_DELIVERY_FORWARD_HOP_LOOP_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "delivery/forward/hop_driver.h"
#include "delivery/forward/hop_health.h"
#include "delivery/forward/hop_pool.h"
#include "delivery/forward/hop_security.h"
#include "delivery/forward/next_hop.h"
#include "engine/client_config.h"
#include "engine/grammar/ip_address.h"
#include "net/event_loop.h"
#include "net/listening_socket.h"

namespace postern::delivery {

// The state of one server of a next hop, for metrics.
struct HopStatus {
  std::string server;   // HopAddress::Format()
  bool works = true;    // its circuit breaker is closed
  uint64_t open = 0;    // connections, also those that are being made
  uint64_t used = 0;    // of these, those that serve a transaction
  uint64_t opened = 0;  // connections that it has greeted, since the start
  uint64_t failed = 0;  // connections that were not made or not greeted
  // Transactions that had to wait for a free connection to the next hop of
  // which this is the first server.
  uint64_t waits = 0;
};

// What all event loops of a process know about next hops: which of their
// servers work, and how their names are looked up. Each loop has connections of
// its own. They outlive a reload of the configuration.
//
// Thread-safe. Must outlive the event loops of the server, and each task that
// uses a delivery made with it.
class Forwarding {
 public:
  // Looks up the addresses of a name. Thread-safe. Calls `done` once, on any
  // thread, possibly before it returns.
  using Resolve =
      std::function<void(const std::string& name, HopDriver::Resolved done)>;

  // `resolve` may be empty if no next hop has a name.
  explicit Forwarding(Resolve resolve);
  Forwarding(const Forwarding&) = delete;
  Forwarding& operator=(const Forwarding&) = delete;
  // Ends the thread of OwnLoop().
  ~Forwarding();

  // Returns the connections of `loop`, which is running on this thread.
  // If `security` has another version, they are other connections.
  std::shared_ptr<HopPool> PoolOf(net::EventLoop* loop, const NextHop& hop,
                                  const ClientConfig& config,
                                  const HopSecurity& security);

  // The addresses at which this process accepts mail. A connection to one of
  // them would be a loop, and is not used. Thread-safe.
  void SetListening(std::vector<net::ListenAddress> addresses);

  // Makes the servers of `hop` known to Status() as long as the caller keeps
  // what this returns.
  std::shared_ptr<const void> Register(const NextHop& hop,
                                       const HopSecurity& security);
  // Returns the states of the registered servers, ordered by HopStatus::server.
  // A server works if it does with the credentials and words of each
  // registration: those from before a reload do not count. The counters are
  // those of the address since the start.
  std::vector<HopStatus> Status() const;

  // Returns an event loop with a thread of its own, for callers that have none.
  // The first call starts it.
  absl::StatusOr<net::EventLoop*> OwnLoop();

 private:
  class Loop;

  // A server may work for one hop and not for another, which has other
  // credentials or another CA: they have other `terms`.
  std::shared_ptr<HopHealth> HealthOf(const HopAddress& address,
                                      const std::string& terms);
  bool Listens(const HopAddress& address) const;

  const Resolve resolve_;
  mutable std::mutex mutex_;  // guards the members below
  std::vector<net::ListenAddress> listening_;
  // Of pools and registrations.
  std::map<std::string, std::weak_ptr<HopHealth>> health_;
  std::map<std::string, std::shared_ptr<HopHealth::Counts>> counts_;
  struct Registered {
    std::string server;
    std::shared_ptr<HopHealth> health;
  };
  std::vector<std::weak_ptr<const std::vector<Registered>>> registered_;
  std::unique_ptr<net::EventLoop> own_loop_;
  std::thread thread_;
};

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_FORWARD_HOP_LOOP_H_
