// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What connections to next hops need of their thread: sockets, a clock, timers
// and a resolver. hop_loop.h implements it on an event loop. Tests implement it
// in virtual time.

#ifndef POSTERN_DELIVERY_FORWARD_HOP_DRIVER_H_
#define POSTERN_DELIVERY_FORWARD_HOP_DRIVER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "delivery/forward/next_hop.h"
#include "engine/grammar/ip_address.h"
#include "net/channel.h"
#include "net/timer_wheel.h"

namespace postern::delivery {

// One connection to a server. The destructor closes it.
class HopWire {
 public:
  virtual ~HopWire() = default;

  // Returns kWantWrite while the connection is being made, then kOk, or kEnd
  // if it cannot be made. After kEnd, error() says why, in the system's words.
  virtual net::Channel::Result::Kind Connected() = 0;
  virtual std::string error() const = 0;
  // Returns where the server is. Call it only after kOk.
  enum class Place : uint8_t {
    kElsewhere,
    kThisMachine,
    kThisServer,  // a listener of this process: mail would loop
  };
  virtual Place place() const = 0;
  // Moves the octets. Never blocks. Call it only after kOk.
  virtual net::Channel& channel() = 0;
};

// Used by one thread, which also calls everything that it is given. Must
// outlive the wires and the armed timers.
class HopDriver {
 public:
  using Time = net::Timer::Time;
  using Task = absl::AnyInvocable<void() &&>;
  // At least one address, or the reason why there is none now.
  using Resolved =
      absl::AnyInvocable<void(absl::StatusOr<std::vector<IpAddress>>) &&>;

  virtual ~HopDriver() = default;

  virtual Time now() const = 0;
  virtual net::TimerWheel& timers() = 0;
  // Runs `task` soon, and not before the caller has returned.
  virtual void Later(Task task) = 0;
  // Returns a function that runs a task on this thread, soon, or destroys it
  // after the thread has ended. The function is thread-safe. It may be called
  // until the event loop is destroyed, also after it has stopped.
  virtual std::function<void(Task)> Poster() = 0;
  // Begins a connection to `address`, which needs no lookup. Calls `moved`
  // whenever the wire may have made progress, and never after the wire is
  // destroyed.
  virtual std::unique_ptr<HopWire> Connect(const HopAddress& address,
                                           std::function<void()> moved) = 0;
  // Looks up the addresses of a host name. Calls `done` once, possibly before
  // this returns.
  virtual void Resolve(const std::string& name, Resolved done) = 0;
};

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_FORWARD_HOP_DRIVER_H_
