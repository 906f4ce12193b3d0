// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// One session of postern serve: its facts, its answers, its lines in the log.

#ifndef POSTERN_PROGRAMS_SERVE_GUEST_H_
#define POSTERN_PROGRAMS_SERVE_GUEST_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "engine/authenticator.h"
#include "engine/grammar/strictness.h"
#include "engine/policy.h"
#include "engine/server_config.h"
#include "policy/limits/connection_limits.h"
#include "programs/serve/service_snapshot.h"
#include "service/logged_delivery.h"
#include "service/metrics.h"
#include "transports/service.h"

namespace postern::programs {

// What the rules say of a client besides its permission to relay, which is in
// SessionInfo.
struct GuestRules {
  bool denied = false;                          // greeted with 554, and closed
  std::optional<uint64_t> databytes;            // DATABYTES
  std::optional<BareNewlines> bare_newlines;    // POSTERN_BARE_NEWLINES
  Strictness strictness = Strictness::kStrict;  // POSTERN_LENIENT, or --lenient
};

// Guest answers a session's questions as its ServiceSnapshot does, counts them,
// and says in one line what came of the session:
//
//   session end=quit ip=192.0.2.1 helo=mx.example ehlo=1 mail=2 rcpt=2/3
//   data=2 refused=1 in=2345 out=678 seconds=0.120 notes=early-talk,pipelining
//
// (one line; "2/3" is two accepted of three; what is 0 is left out).
class Guest : public transports::SessionHost,
              public Policy,
              public Authenticator,
              public std::enable_shared_from_this<Guest> {
 public:
  // `slot` is kept as long as the guest. `metrics` may be null.
  Guest(std::shared_ptr<const ServiceSnapshot> snapshot, size_t listener,
        const GuestRules& rules, policy::ConnectionLimits::Slot slot,
        service::Metrics* metrics);

  const ServerConfig& config() const override { return *config_; }
  ResponderOptions responder() override;
  std::unique_ptr<net::SecureChannel> Secure(net::Channel* below) override;
  void OnEnd(const SessionEnd& end, const SessionInfo& info) override;

  void Decide(const Ask& ask, const SharedSessionInfo& session,
              Policy::Done done) override;
  std::unique_ptr<AuthExchange> Begin(
      absl::string_view mechanism, const SharedSessionInfo& session) override;

 private:
  enum Count : uint8_t {
    kHello,
    kStartTls,
    kAuth,
    kMail,
    kRcpt,
    kData,
    kVerify
  };
  static constexpr size_t kCounts = 7;

  const std::shared_ptr<const ServiceSnapshot> snapshot_;
  const ServiceSnapshot::Listener& listener_;
  const policy::ConnectionLimits::Slot slot_;
  std::unique_ptr<const ServerConfig> own_config_;  // where rules change it
  const ServerConfig* config_;
  service::Metrics* const metrics_;
  service::LoggedDelivery delivery_;
  const bool denied_;
  uint32_t asked_[kCounts] = {};
  std::atomic<uint32_t> accepted_[kCounts] = {};
};

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_SERVE_GUEST_H_
