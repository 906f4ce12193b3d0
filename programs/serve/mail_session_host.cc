// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/serve/mail_session_host.h"

#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "log/log.h"
#include "log/log_line.h"
#include "net/tls_channel.h"

namespace postern::programs {

namespace {

// Returns the listener's ServerConfig as it is for one client; null: unchanged.
std::unique_ptr<ServerConfig> OwnConfig(const ServerConfig& listener,
                                        const policy::RuleFacts& rules,
                                        bool xclient) {
  std::unique_ptr<ServerConfig> config = rules.Change(listener);
  if (!xclient) return config;
  if (config == nullptr) config = std::make_unique<ServerConfig>(listener);
  config->xclient = true;
  // A proxy's word can only stand for a login where there are logins.
  config->xclient_login =
      !listener.mechanisms.empty() || !listener.mechanisms_without_tls.empty();
  return config;
}

}  // namespace

MailSessionHost::MailSessionHost(
    std::shared_ptr<const ServiceSnapshot> snapshot, size_t listener,
    const policy::RuleFacts& rules, policy::ConnectionLimits::Slot slot,
    service::Metrics* metrics, const std::optional<IpAddress>& peer,
    const net::NetworkList& xclient_peers, ClientLookup* lookup)
    : snapshot_(std::move(snapshot)),
      listener_(snapshot_->listeners[listener]),
      slot_(std::move(slot)),
      peer_(peer),
      xclient_(xclient_peers.Contains(peer) ? lookup : nullptr),
      own_config_(OwnConfig(listener_.config, rules, xclient_ != nullptr)),
      config_(own_config_ != nullptr ? own_config_.get() : &listener_.config),
      metrics_(metrics),
      session_(snapshot_->mail, *listener_.outlet) {}

ResponderOptions MailSessionHost::responder() {
  ResponderOptions options = session_.responder();
  if (xclient_ != nullptr) {
    options.client_changed = [this](const SharedSessionInfo& client,
                                    ResponderOptions::ClientFound found) {
      OnClientChanged(client, std::move(found));
    };
  }
  return options;
}

ResponderOptions RecordedSessionHost::responder() {
  ResponderOptions options = MailSessionHost::responder();
  options.observer = recorder_.get();
  return options;
}

void MailSessionHost::OnClientChanged(const SharedSessionInfo& client,
                                      ResponderOptions::ClientFound found) {
  slot_.reset();  // the peer's, or that of the client before
  xclient_->Find(
      client, [this, found = std::move(found)](
                  std::variant<Verdict, ClientLookup::Found> answer) mutable {
        if (auto* const refusal = std::get_if<Verdict>(&answer)) {
          return std::move(found)(std::move(*refusal));
        }
        std::move(found)(FactsChange(
            [this, client = std::get<ClientLookup::Found>(std::move(answer))](
                SessionInfo& info) mutable {
              TakeClient(std::move(client), &info);
            }));
      });
}

void MailSessionHost::TakeClient(ClientLookup::Found found, SessionInfo* info) {
  slot_.emplace(std::move(found.slot));
  info->remote_name = std::move(found.remote_name);
  info->name_status = found.name_status;
  found.rules.Apply(info);
  found.rules.Change(listener_.config, own_config_.get());
  log::LogLine line("xclient", log::LineStyle(), {info->session_id});
  line.Ip("from", peer_).Ip("ip", info->remote_address);
  if (!info->identity.empty()) {
    line.Text("user", info->identity, log::kMaxLoggedName);
  }
  log::WriteLog(line);
}

std::unique_ptr<net::SecureChannel> MailSessionHost::Secure(
    net::Channel* below) {
  if (listener_.tls == nullptr) return nullptr;
  return std::make_unique<net::TlsChannel>(listener_.tls, below);
}

void MailSessionHost::OnEnd(const SessionEnd& end, const SessionInfo& info) {
  if (metrics_ != nullptr) metrics_->CountSession(end, info);
  constexpr size_t kMaxName = log::kMaxLoggedName;
  log::LogLine line("session", log::LineStyle(), {info.session_id});
  line.Word("end", CloseReasonName(end.reason)).Ip("ip", info.remote_address);
  if (!info.hello_name.empty()) line.Text("helo", info.hello_name, kMaxName);
  if (!info.identity.empty()) line.Text("user", info.identity, kMaxName);
  if (info.tls != nullptr) line.Text("tls", info.tls->protocol, kMaxName);
  if (!end.tls_error.empty()) {
    line.Sentence("tls-error", end.tls_error, kMaxName);
  }
  session_.AppendCounts(info, &line);
  if (end.refused != 0) line.Number("refused", end.refused);
  line.Number("in", end.bytes_in)
      .Number("out", end.bytes_out)
      .Seconds("seconds", end.duration);
  std::vector<absl::string_view> notes;
  if (info.violations.early_talk) notes.push_back("early-talk");
  if (info.violations.pipelining) notes.push_back("pipelining");
  if (!notes.empty()) line.Words("notes", notes);
  log::WriteLog(line);
}

}  // namespace postern::programs
