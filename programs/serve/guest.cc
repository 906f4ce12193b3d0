// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/serve/guest.h"

#include <utility>
#include <variant>
#include <vector>

#include "log/log.h"
#include "log/log_line.h"
#include "log/refusal_line.h"
#include "net/tls_channel.h"

namespace postern::programs {
namespace {

// Returns the configuration with what the rules say of the client; null if
// they say nothing.
std::unique_ptr<const ServerConfig> Changed(const ServerConfig& config,
                                            const GuestRules& rules) {
  if (!rules.databytes && !rules.bare_newlines &&
      rules.strictness == config.strictness) {
    return nullptr;
  }
  auto changed = std::make_unique<ServerConfig>(config);
  if (rules.databytes) changed->max_message_size = *rules.databytes;
  if (rules.bare_newlines) changed->bare_newlines = *rules.bare_newlines;
  changed->strictness = rules.strictness;
  return changed;
}

Reply Denied() { return {554, {5, 7, 1}, "no service for you (#5.7.1)"}; }

}  // namespace

Guest::Guest(std::shared_ptr<const ServiceSnapshot> snapshot, size_t listener,
             const GuestRules& rules, policy::ConnectionLimits::Slot slot,
             service::Metrics* metrics)
    : snapshot_(std::move(snapshot)),
      listener_(snapshot_->listeners[listener]),
      slot_(std::move(slot)),
      own_config_(Changed(listener_.config, rules)),
      config_(own_config_ != nullptr ? own_config_.get() : &listener_.config),
      metrics_(metrics),
      delivery_(snapshot_->delivery.get(), metrics, snapshot_->messages),
      denied_(rules.denied) {}

std::unique_ptr<net::SecureChannel> Guest::Secure(net::Channel* below) {
  if (listener_.tls == nullptr) return nullptr;
  return std::make_unique<net::TlsChannel>(listener_.tls, below);
}

ResponderOptions Guest::responder() {
  ResponderOptions options;
  options.policy = this;
  options.delivery = &delivery_;
  options.host_name = snapshot_->host_name;
  options.show_user = snapshot_->show_user;
  if (snapshot_->authenticator != nullptr) options.authenticator = this;
  options.stamp = [this] { return delivery_.Stamp(); };
  options.refused = [](const Refusal& refusal, const SessionInfo& session) {
    log::WriteLog(log::LogRefusal(refusal, session, log::LineStyle()));
  };
  return options;
}

std::unique_ptr<AuthExchange> Guest::Begin(absl::string_view mechanism,
                                           const SharedSessionInfo& session) {
  ++asked_[kAuth];
  return snapshot_->authenticator->Begin(mechanism, session);
}

void Guest::Decide(const Ask& ask, const SharedSessionInfo& session,
                   Policy::Done done) {
  Count count = kHello;
  if (std::holds_alternative<Connected>(ask.what)) {
    if (denied_) return std::move(done)(Verdict::Drop(Denied()));
    return snapshot_->relay->Decide(ask, session, std::move(done));
  }
  if (std::holds_alternative<StartTls>(ask.what)) count = kStartTls;
  if (std::holds_alternative<Mail>(ask.what)) count = kMail;
  if (std::holds_alternative<Rcpt>(ask.what)) count = kRcpt;
  if (std::holds_alternative<BodyBegin>(ask.what)) count = kData;
  if (std::holds_alternative<Verify>(ask.what)) count = kVerify;
  ++asked_[count];
  // The answer keeps what it came from: it may come when the session is gone.
  snapshot_->relay->Decide(ask, session,
                           [self = shared_from_this(), count,
                            done = std::move(done)](Verdict verdict) mutable {
                             if (verdict.accepted()) ++self->accepted_[count];
                             std::move(done)(std::move(verdict));
                           });
}

void Guest::OnEnd(const SessionEnd& end, const SessionInfo& info) {
  if (metrics_ != nullptr) metrics_->CountSession(end, info);
  constexpr size_t kMaxName = log::kMaxLoggedName;
  log::LogLine line("session", log::LineStyle(), {info.session_id});
  line.Word("end", CloseReasonName(end.reason)).Ip("ip", info.remote_address);
  if (!info.hello_name.empty()) line.Text("helo", info.hello_name, kMaxName);
  if (!info.identity.empty()) line.Text("user", info.identity, kMaxName);
  if (info.tls != nullptr) line.Text("tls", info.tls->protocol, kMaxName);
  if (!end.tls_error.empty())
    line.Sentence("tls-error", end.tls_error, kMaxName);
  constexpr absl::string_view kNames[kCounts] = {
      "ehlo", "starttls", "auth", "mail", "rcpt", "data", "vrfy"};
  if (!info.identity.empty()) accepted_[kAuth] = 1;
  for (size_t i = 0; i < kCounts; ++i) {
    if (asked_[i] != 0) line.Part(kNames[i], accepted_[i], asked_[i]);
  }
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
