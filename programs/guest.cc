// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/guest.h"

#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "policy/log_value.h"
#include "programs/log.h"
#include "transports/tls_channel.h"

namespace postern::programs {
namespace {

// Returns the configuration with what the rules say of the client; null if
// they say nothing.
std::unique_ptr<const ServerConfig> Changed(const ServerConfig& config,
                                            const GuestRules& rules) {
  if (!rules.databytes && !rules.bare_newlines) return nullptr;
  auto changed = std::make_unique<ServerConfig>(config);
  if (rules.databytes) changed->max_message_size = *rules.databytes;
  if (rules.bare_newlines) changed->bare_newlines = *rules.bare_newlines;
  return changed;
}

}  // namespace

Guest::Guest(std::shared_ptr<const Site> site, size_t listener,
             GuestRules rules, policy::ConnectionLimits::Place place)
    : site_(std::move(site)),
      listener_(site_->listeners[listener]),
      rules_(std::move(rules)),
      place_(std::move(place)),
      own_config_(Changed(listener_.config, rules_)),
      config_(own_config_ != nullptr ? own_config_.get() : &listener_.config),
      delivery_(site_->delivery.get(), &stamps_, WriteLog) {}

std::unique_ptr<transports::SecureChannel> Guest::Secure(
    transports::Channel* below) {
  if (listener_.tls == nullptr) return nullptr;
  return std::make_unique<transports::TlsChannel>(listener_.tls, below);
}

ResponderOptions Guest::responder() {
  ResponderOptions options;
  options.policy = this;
  options.delivery = &delivery_;
  options.host_name = site_->host_name;
  options.stamp = [this] { return stamps_.Next(); };
  options.content_refused = [this](const Reply& reply) {
    // A first chunk that is too large is refused before there is a message.
    const std::string id = stamps_.End();
    WriteLog(absl::StrCat("message result=refuse id=", id.empty() ? "\"\"" : id,
                          " reply=", policy::LogReply(reply)));
  };
  return options;
}

void Guest::Decide(const Ask& ask, const SharedSessionInfo& session,
                   Done done) {
  Count count = kHello;
  if (std::holds_alternative<Connected>(ask.what)) {
    if (rules_.denied) return std::move(done)(Verdict::Drop(*rules_.denied));
    return site_->relay->Decide(ask, session, std::move(done));
  }
  if (std::holds_alternative<StartTls>(ask.what)) count = kStartTls;
  if (std::holds_alternative<Mail>(ask.what)) count = kMail;
  if (std::holds_alternative<Rcpt>(ask.what)) count = kRcpt;
  if (std::holds_alternative<BodyBegin>(ask.what)) count = kData;
  if (std::holds_alternative<Verify>(ask.what)) count = kVerify;
  ++asked_[count];
  // The answer keeps what it came from: it may come when the session is gone.
  site_->relay->Decide(ask, session,
                       [self = shared_from_this(), count,
                        done = std::move(done)](Verdict verdict) mutable {
                         if (verdict.accepted()) ++self->accepted_[count];
                         std::move(done)(std::move(verdict));
                       });
}

void Guest::OnEnd(const transports::SessionEnd& end, const SessionInfo& info) {
  std::string line = absl::StrCat(
      "session end=", CloseReasonName(end.reason),
      " ip=", policy::LogText(info.remote_address, policy::kMaxLoggedName));
  if (!info.hello_name.empty()) {
    absl::StrAppend(&line, " helo=",
                    policy::LogText(info.hello_name, policy::kMaxLoggedName));
  }
  if (info.tls) absl::StrAppend(&line, " tls=", info.tls->protocol);
  if (!end.tls_error.empty()) {
    absl::StrAppend(&line, " tls-error=",
                    policy::LogText(end.tls_error, policy::kMaxLoggedName));
  }
  constexpr absl::string_view kNames[kCounts] = {"ehlo", "starttls", "mail",
                                                 "rcpt", "data",     "vrfy"};
  for (size_t i = 0; i < kCounts; ++i) {
    if (asked_[i] == 0) continue;
    const uint32_t accepted = accepted_[i];
    absl::StrAppend(&line, " ", kNames[i], "=", accepted);
    if (accepted != asked_[i]) absl::StrAppend(&line, "/", asked_[i]);
  }
  absl::StrAppend(&line, " in=", end.bytes_in, " out=", end.bytes_out);
  absl::StrAppendFormat(&line, " seconds=%.3f",
                        absl::ToDoubleSeconds(end.duration));
  std::vector<absl::string_view> notes;
  if (info.violations.early_talk) notes.push_back("early-talk");
  if (info.violations.pipelining) notes.push_back("pipelining");
  if (!notes.empty()) {
    absl::StrAppend(&line, " notes=", absl::StrJoin(notes, ","));
  }
  WriteLog(line);
}

}  // namespace postern::programs
