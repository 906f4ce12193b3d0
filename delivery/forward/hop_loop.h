// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Connections to next hops on the event loops of a server.

#ifndef POSTERN_DELIVERY_FORWARD_HOP_LOOP_H_
#define POSTERN_DELIVERY_FORWARD_HOP_LOOP_H_

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

namespace postern::delivery {

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

  // Returns an event loop with a thread of its own, for callers that have none.
  // The first call starts it.
  absl::StatusOr<net::EventLoop*> OwnLoop();

 private:
  class Loop;

  // A server may work for one hop and not for another, which has other
  // credentials or another CA: they have other `terms`.
  std::shared_ptr<HopHealth> HealthOf(const HopAddress& address,
                                      const std::string& terms);

  const Resolve resolve_;
  std::mutex mutex_;  // guards the members below
  std::map<std::string, std::shared_ptr<HopHealth>> health_;
  std::unique_ptr<net::EventLoop> own_loop_;
  std::thread thread_;
};

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_FORWARD_HOP_LOOP_H_
