// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The host of one session of postern serve.

#ifndef POSTERN_PROGRAMS_SERVE_MAIL_SESSION_HOST_H_
#define POSTERN_PROGRAMS_SERVE_MAIL_SESSION_HOST_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "absl/functional/any_invocable.h"
#include "engine/grammar/ip_address.h"
#include "engine/responder.h"
#include "engine/server_config.h"
#include "engine/session_info.h"
#include "engine/verdict.h"
#include "net/network_list.h"
#include "policy/limits/connection_limits.h"
#include "policy/rule_facts.h"
#include "programs/serve/service_snapshot.h"
#include "recording/recorder.h"
#include "service/mail_session.h"
#include "service/metrics.h"
#include "transports/service.h"

namespace postern::programs {

// Looks up a client that XCLIENT names: its limits, host name and rules, as for
// a client that connects. Thread-safe.
class ClientLookup {
 public:
  struct Found {
    std::string remote_name;
    NameStatus name_status = NameStatus::kNone;
    policy::RuleFacts rules;
    policy::ConnectionLimits::Slot slot;
  };
  using Done = absl::AnyInvocable<void(std::variant<Verdict, Found>) &&>;

  virtual ~ClientLookup() = default;

  // Calls `done` once, before it returns or later, and from any thread: with a
  // refusal if the client's limits are reached or the rules cannot be read.
  virtual void Find(const SharedSessionInfo& client, Done done) = 0;
};

// Serves a session with its ServiceSnapshot, and writes one line at its end:
//
//   session end=quit ip=192.0.2.1 helo=mx.example ehlo=1 mail=2 rcpt=2/3
//   data=2 refused=1 in=2345 out=678 seconds=0.120 notes=early-talk,pipelining
//
// (in one line; service::MailSession::AppendCounts() explains "2/3").
//
// If the peer may use XCLIENT, each client that it names replaces it: the
// session then has that client's limits, rules and host name and nothing of the
// peer's. One line logs it:
//
//   xclient from=203.0.113.9 ip=192.0.2.1 user=alice
class MailSessionHost : public transports::SessionHost {
 public:
  // Keeps `slot` until the destructor, or until XCLIENT names another client.
  // `metrics` may be null. `peer` may use XCLIENT if `xclient_peers` contain
  // its address; `lookup` must then outlive this object.
  MailSessionHost(std::shared_ptr<const ServiceSnapshot> snapshot,
                  size_t listener, const policy::RuleFacts& rules,
                  policy::ConnectionLimits::Slot slot,
                  service::Metrics* metrics,
                  const std::optional<IpAddress>& peer,
                  const net::NetworkList& xclient_peers, ClientLookup* lookup);

  const ServerConfig& config() const override { return *config_; }
  ResponderOptions responder() override;
  std::unique_ptr<net::SecureChannel> Secure(net::Channel* below) override;
  void OnEnd(const SessionEnd& end, const SessionInfo& info) override;

 private:
  void OnClientChanged(const SharedSessionInfo& client,
                       ResponderOptions::ClientFound found);
  // On the session's thread.
  void TakeClient(ClientLookup::Found found, SessionInfo* info);

  const std::shared_ptr<const ServiceSnapshot> snapshot_;
  const ServiceSnapshot::Listener& listener_;
  std::optional<policy::ConnectionLimits::Slot> slot_;
  const std::optional<IpAddress> peer_;
  ClientLookup* const xclient_;  // null: XCLIENT is not served
  // The configuration if the rules change the listener's, or if XCLIENT is
  // served; else null.
  const std::unique_ptr<ServerConfig> own_config_;
  const ServerConfig* const config_;
  service::Metrics* const metrics_;
  service::MailSession session_;
};

// Records the session, too. A class of its own, so that a session that is not
// recorded needs no memory for it.
class RecordedSessionHost : public MailSessionHost {
 public:
  // `recorder` belongs to a session that has not begun. `arguments` are those
  // of MailSessionHost.
  template <typename... Arguments>
  explicit RecordedSessionHost(std::unique_ptr<recording::Recorder> recorder,
                               Arguments&&... arguments)
      : MailSessionHost(std::forward<Arguments>(arguments)...),
        recorder_(std::move(recorder)) {}

  ResponderOptions responder() override;

 private:
  const std::unique_ptr<recording::Recorder> recorder_;
};

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_SERVE_MAIL_SESSION_HOST_H_
