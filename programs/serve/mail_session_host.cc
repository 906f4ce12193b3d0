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

MailSessionHost::MailSessionHost(
    std::shared_ptr<const ServiceSnapshot> snapshot, size_t listener,
    const policy::RuleFacts& rules, policy::ConnectionLimits::Slot slot,
    service::Metrics* metrics)
    : snapshot_(std::move(snapshot)),
      listener_(snapshot_->listeners[listener]),
      slot_(std::move(slot)),
      own_config_(rules.Change(listener_.config)),
      config_(own_config_ != nullptr ? own_config_.get() : &listener_.config),
      metrics_(metrics),
      session_(snapshot_->mail) {}

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
