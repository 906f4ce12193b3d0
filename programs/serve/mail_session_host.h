// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The host of one session of postern serve.

#ifndef POSTERN_PROGRAMS_SERVE_MAIL_SESSION_HOST_H_
#define POSTERN_PROGRAMS_SERVE_MAIL_SESSION_HOST_H_

#include <memory>

#include "engine/server_config.h"
#include "policy/limits/connection_limits.h"
#include "policy/rule_facts.h"
#include "programs/serve/service_snapshot.h"
#include "service/mail_session.h"
#include "service/metrics.h"
#include "transports/service.h"

namespace postern::programs {

// Serves a session with its ServiceSnapshot, and writes one line at its end:
//
//   session end=quit ip=192.0.2.1 helo=mx.example ehlo=1 mail=2 rcpt=2/3
//   data=2 refused=1 in=2345 out=678 seconds=0.120 notes=early-talk,pipelining
//
// (in one line; service::MailSession::AppendCounts() explains "2/3").
class MailSessionHost : public transports::SessionHost {
 public:
  // Keeps `slot` until the destructor. `metrics` may be null.
  MailSessionHost(std::shared_ptr<const ServiceSnapshot> snapshot,
                  size_t listener, const policy::RuleFacts& rules,
                  policy::ConnectionLimits::Slot slot,
                  service::Metrics* metrics);

  const ServerConfig& config() const override { return *config_; }
  ResponderOptions responder() override { return session_.responder(); }
  std::unique_ptr<net::SecureChannel> Secure(net::Channel* below) override;
  void OnEnd(const SessionEnd& end, const SessionInfo& info) override;

 private:
  const std::shared_ptr<const ServiceSnapshot> snapshot_;
  const ServiceSnapshot::Listener& listener_;
  const policy::ConnectionLimits::Slot slot_;
  // The configuration if the rules change the listener's; else null.
  const std::unique_ptr<const ServerConfig> own_config_;
  const ServerConfig* const config_;
  service::Metrics* const metrics_;
  service::MailSession session_;
};

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_SERVE_MAIL_SESSION_HOST_H_
