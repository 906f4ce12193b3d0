// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The connections of one thread to a next hop.

#ifndef POSTERN_DELIVERY_FORWARD_HOP_POOL_H_
#define POSTERN_DELIVERY_FORWARD_HOP_POOL_H_

#include <chrono>
#include <cstddef>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "delivery/forward/hop_driver.h"
#include "delivery/forward/hop_health.h"
#include "delivery/forward/hop_link.h"
#include "delivery/forward/hop_security.h"
#include "delivery/forward/next_hop.h"
#include "engine/client_config.h"
#include "engine/grammar/ip_address.h"
#include "engine/proxied_client.h"
#include "net/timer_wheel.h"

namespace postern::delivery {

// Waits for a connection.
class HopWaiter {
 public:
  virtual ~HopWaiter() = default;
  // The connection is lent to the user that Acquire() got, until it is lost or
  // HopLink::Release() is called. Unless HopLink::ready(), HopUser::OnReady()
  // follows. `reused`: it has been used before, so the server may have closed
  // it in the meantime.
  virtual void OnLink(HopLink* link, bool reused) = 0;
  // No server can be used now.
  virtual void OnUnavailable(const HopFailure& failure) = 0;
};

// Opens connections when they are needed, tries the servers in their order, and
// keeps unused connections for a short time. A server with an open circuit
// breaker (HopHealth) is left out.
//
// Thread-compatible, and held by a shared_ptr: transactions may outlive the
// thread.
class HopPool : private HopLink::Owner, private net::Timer {
 public:
  // Connections at one time. A transaction holds one from its first recipient
  // to its end, so this is also the number of such transactions.
  static constexpr size_t kMaxConnections = 100;
  // Of these, connections that are kept unused.
  static constexpr size_t kMaxIdle = 8;
  // Transactions of one connection.
  static constexpr int kMaxUses = 100;
  // The longest wait for a free connection. The search for a server that works
  // begins no try later than kMaxOpening after its beginning. The last try may
  // take up to 70 seconds more (HopLink::kConnectTimeout and kGreetTimeout),
  // and 220 with TLS and AUTH, but ends with the time of the waiter.
  static constexpr std::chrono::seconds kMaxWait{30};
  static constexpr std::chrono::seconds kMaxOpening{90};
  // A transaction that has been without a command for this time loses its
  // connection if another transaction waits for one.
  static constexpr std::chrono::seconds kMaxQuiet{10};
  // Addresses of a host name that are tried.
  static constexpr size_t kMaxAddresses = 4;

  // `health` has one object for each server of `hop`. `driver` must outlive
  // Shutdown().
  HopPool(NextHop hop, ClientConfig config, HopSecurity security,
          std::vector<std::shared_ptr<HopHealth>> health, HopDriver* driver);
  ~HopPool() override;

  // Calls one function of `waiter`, once, before it returns or later, unless
  // Cancel() is called before. With `fresh`, no connection is reused. A
  // connection that is not ready at `ready_by` is not waited for. A new
  // connection is to the server `first` or to one after it: an index into
  // NextHop::hosts.
  void Acquire(HopWaiter* waiter, HopUser* user, bool fresh,
               HopDriver::Time ready_by = HopDriver::Time::max(),
               size_t first = 0);
  void Cancel(HopWaiter* waiter);

  // Closes all connections and reports them as lost. Nothing can be acquired
  // afterwards. The destructor must not be called before.
  void Shutdown();

  const NextHop& hop() const { return hop_; }
  HopDriver& driver() { return driver_; }
  size_t connections() const { return links_.size(); }

 private:
  struct Waiting {
    HopWaiter* waiter;
    HopUser* user;
    Time until;
    bool fresh;
    Time ready_by;
    size_t first;
  };
  // The search for a server that works.
  struct Opening {
    HopWaiter* waiter;  // null: cancelled
    HopUser* user;
    std::string header;    // a PROXY header
    ProxiedClient client;  // that it names
    size_t host = 0;       // index into NextHop::hosts
    Time began;            // the attempt to use this host
    std::deque<IpAddress> addresses;
    Time until;     // no try begins later
    Time ready_by;  // the time of the waiter ends
    HopFailure last;
  };
  struct Entry {
    std::shared_ptr<HopLink> link;
    std::unique_ptr<Opening> opening;  // until the link is ready
    bool used = false;                 // counted in HopHealth::Counts::used
  };

  void OnReady(HopLink* link) override;
  void OnPassed(HopLink* link, HopStage stage) override;
  void OnIdle(HopLink* link) override;
  void OnClosed(HopLink* link, const HopFailure* failure) override;
  void OnTimer() override;

  std::list<Entry>::iterator Find(const HopLink* link);
  HopHealth& HealthOf(const HopLink& link) { return *health_[link.server()]; }
  void SetUsed(Entry* entry, bool used);
  void Open(std::unique_ptr<Opening> opening);
  void OnAddresses(int key, absl::StatusOr<std::vector<IpAddress>> addresses);
  void Connect(std::unique_ptr<Opening> opening, HopAddress address);
  // Returns what a connection to `address`, of hosts[host], needs now.
  HopTerms TermsFor(size_t host, const HopAddress& address) const;
  // The server of `opening` does not work: tries the next one.
  void GoOn(std::unique_ptr<Opening> opening, const HopFailure& failure);
  // The connection of a user has ended. `failure` may be null.
  void CountEnd(const HopLink& link, const HopFailure* failure);
  // Returns the last failure of AUTH for the client of `user` at hosts[host],
  // if the server is not to be used for it now.
  std::optional<HopFailure> RefusalOf(size_t host, const HopUser& user) const;
  // Returns a link that may be lent to `user` now, or null.
  HopLink* Idle(const HopUser& user);
  // Lends a link, or begins a search. Returns false if neither is possible now.
  bool Serve(const Waiting& next);
  // Serves those that wait, soon. It does not call waiters, so that a search
  // that fails at once does not begin the next one within itself.
  void ServeWaiters();
  // Takes connections from transactions that are quiet, for those that wait.
  void MakeRoom();
  void SetTimer();

  const NextHop hop_;
  const ClientConfig config_;
  const HopSecurity security_;
  const std::vector<std::shared_ptr<HopHealth>> health_;
  HopDriver& driver_;
  std::list<Entry> links_;
  std::deque<Waiting> waiting_;
  std::map<int, std::unique_ptr<Opening>> resolving_;
  int next_key_ = 0;
  bool serving_ = false;  // a task of ServeWaiters() is pending
  bool down_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_FORWARD_HOP_POOL_H_
