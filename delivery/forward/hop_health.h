// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Remembers that a server of a next hop does not work, so that few clients wait
// for its timeout.

#ifndef POSTERN_DELIVERY_FORWARD_HOP_HEALTH_H_
#define POSTERN_DELIVERY_FORWARD_HOP_HEALTH_H_

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "delivery/forward/hop_driver.h"
#include "delivery/forward/hop_link.h"
#include "engine/grammar/ip_address.h"

namespace postern::delivery {

// A circuit breaker. A server that works gets every connection. After a failure
// it gets none for kFirstPause. Then one connection tests it: if that fails,
// the next pause is twice as long, up to kLongestPause. The server works again
// when it passes the stage at which it failed. So a server that greets and then
// hangs stays out of use.
//
// An attempt is the search for a connection, or the transaction of one. A
// failure counts only if its attempt began after the last change between
// working and failing. Otherwise the timeouts of one hang, which are spread
// over minutes, would each double the pause, or would stop the use of a server
// that works again.
//
// A server that gets AUTH after XCLIENT decides about the client, too. It may
// limit the attempts of each address, or allow the account only from some
// networks. So a refusal of AUTH there is first a failure for this client: the
// server gets no connection for this client during a pause, as above, and
// works for others. After refusals for kMaxRefusedClients clients in a row it
// counts as a failure of the server. So wrong credentials cost few attempts.
//
// Thread-safe.
class HopHealth {
 public:
  using Time = HopDriver::Time;
  static constexpr std::chrono::seconds kFirstPause{1};
  static constexpr std::chrono::seconds kLongestPause{60};
  // After a refusal of this server's credentials: a server may lock an account
  // after a few of them. New credentials have a HopHealth of their own.
  static constexpr std::chrono::seconds kFirstRefusal{60};
  static constexpr std::chrono::seconds kLongestRefusal{3600};
  // Clients for which AUTH fails in a row, before it is a failure of the
  // server.
  static constexpr size_t kMaxRefusedClients = 3;
  // How long connections are without TLS after it has failed, where it is not
  // required (TlsLevel::kMay).
  static constexpr std::chrono::minutes kWithoutTls{10};

  // Of all event loops, for metrics. See HopStatus. Servers with the same
  // address share them.
  struct Counts {
    std::atomic<uint64_t> open{0};
    std::atomic<uint64_t> used{0};
    std::atomic<uint64_t> opened{0};
    std::atomic<uint64_t> failed{0};
    std::atomic<uint64_t> waits{0};
  };

  explicit HopHealth(
      std::shared_ptr<Counts> counts = std::make_shared<Counts>())
      : counts_(std::move(counts)) {}

  // Returns nullopt if a connection may be opened now: the caller then reports
  // its result. Otherwise returns the last failure.
  std::optional<HopFailure> Refusal(Time now);
  // Returns the last failure of AUTH for `client`, if the server is to get no
  // connection for it now.
  std::optional<HopFailure> RefusalOf(const std::optional<IpAddress>& client,
                                      Time now) const;
  // Returns whether the server has not failed since it last worked.
  bool works() const;
  // The server has passed `stage`. After a refusal of the credentials only
  // kAuth shows that the server accepts them: the later stages may be those of
  // a connection that authenticated before the refusal.
  void Succeeded(HopStage stage, Time now);
  // The server has failed at `stage` of an attempt that began at `began`.
  void Failed(const HopFailure& failure, HopStage stage, Time began, Time now);
  // AUTH has failed after XCLIENT has named `client`, in an attempt that began
  // at `began`. The IPv6 addresses of a /64 network are one client, and so are
  // all clients without an address.
  void AuthFailed(const HopFailure& failure,
                  const std::optional<IpAddress>& client, Time began, Time now);
  // An attempt that began at `began` has ended without a result. If it was the
  // test, another connection may test the server now.
  void Ended(Time began, Time now);

  Counts& counts() { return *counts_; }

  // TLS does not work with this server.
  void TlsFailed(Time now);
  // Returns whether to try TLS.
  bool MayUseTls(Time now) const;

 private:
  const std::shared_ptr<Counts> counts_;

  // A test whose result is not reported within this time has been abandoned.
  static constexpr std::chrono::minutes kTest{5};

  // A client for which AUTH has failed.
  struct RefusedClient {
    std::optional<IpAddress> network;
    HopFailure failure;
    Time failed = Time::min();
    std::chrono::seconds pause{0};  // after `failed`
  };

  // As the functions without "Locked", with mutex_ held.
  void FailedLocked(const HopFailure& failure, HopStage stage, Time began,
                    Time now);
  void EndedLocked(Time began, Time now);

  mutable std::mutex mutex_;              // guards the members below
  std::optional<HopFailure> last_;        // nullopt: the server works
  HopStage stage_ = HopStage::kGreeting;  // of last_
  // last_ is kCredentials, and no connection has authenticated since.
  bool refused_ = false;
  // The last failure that counted, or the time since which the server works.
  Time changed_ = Time::min();
  std::chrono::seconds pause_{0};
  Time until_;  // the end of the pause, or of the test
  // Those since AUTH has succeeded: at most kMaxRefusedClients.
  std::vector<RefusedClient> refused_clients_;
  Time without_tls_until_ = Time::min();
};

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_FORWARD_HOP_HEALTH_H_
