// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/smtpd/session_tls.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "engine/session_handoff.h"
#include "net/secure_channel.h"
#include "net/stream_channel.h"
#include "programs/smtpd/handoff.h"

namespace postern::programs {
namespace {

// Returns milliseconds of the clock of Handoff::began.
uint64_t Now() {
  return static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(
          std::chrono::steady_clock::now().time_since_epoch())
          .count());
}

}  // namespace

SessionTls::SessionTls(const SmtpdOptions& options, const SmtpdTlsHooks& hooks)
    : options_(options),
      hooks_(hooks),
      began_(options.handoff ? options.handoff->began : Now()) {}

absl::Status SessionTls::Begin() {
  auto offer = transports::ReadUcspiTls(getenv);
  for (const char* name : {"SSLCTLFD", "SSLREADFD", "SSLWRITEFD"}) {
    unsetenv(name);
  }
  if (options_.tls_wrapped) {
    cleartext_ = false;
    if (hooks_.tls_asked(nullptr)) return absl::OkStatus();
    return absl::UnavailableError("--tls-wrapped: TLS is not available");
  }
  if (options_.tls_outside) {
    outside_.emplace(transports::ReadTlsVariables(getenv));
    if (!outside_->protocol.empty()) return absl::OkStatus();
    return absl::InvalidArgumentError(
        "--tls-outside: the super-server has not set SSL_PROTOCOL");
  }
  if (!offer.ok()) return offer.status();
  super_server_ = *offer;
  if (options_.require_tls && !super_server_ && options_.certificates.empty()) {
    return absl::InvalidArgumentError(
        "--require-tls: needs --tls-cert, or UCSPI-TLS");
  }
  return absl::OkStatus();
}

void SessionTls::Configure(ServerConfig* config) const {
  if (first()) return;
  config->offer_starttls = super_server_ || !options_.certificates.empty();
  config->require_tls =
      options_.require_tls || (super_server_ && super_server_->required);
}

void SessionTls::Configure(net::DescriptorStream* stream, SessionInfo* info,
                           transports::StdioOptions* stdio) {
  stdio->times.session_timeout = TimeLeft();
  stdio->tls_first = first();
  if (outside_) {
    stdio->secure = [this](net::StreamChannel* below) {
      return std::make_unique<transports::OutsideTlsChannel>(*outside_, below);
    };
  } else if (super_server_) {
    stdio->secure = [this, stream](net::StreamChannel* below) {
      return std::make_unique<transports::UcspiTlsChannel>(*super_server_,
                                                           stream, below);
    };
  } else {
    stdio->secure = [this](net::StreamChannel* below) {
      cleartext_ = false;
      return hooks_.secure(below);
    };
    stdio->tls_asked = [this](const SessionHandoff& handoff,
                              const SessionInfo& facts) {
      const Handoff whole = {.began = began_,
                             .session = facts.session_id,
                             .handoff = handoff,
                             .hello_verb = facts.hello_verb,
                             .hello_name = facts.hello_name,
                             .mechanism = facts.mechanism};
      return hooks_.tls_asked(&whole);
    };
  }
  if (!options_.handoff) return;
  stdio->handoff.emplace(options_.handoff->handoff);
  info->hello_verb = options_.handoff->hello_verb;
  info->hello_name = options_.handoff->hello_name;
  info->identity = options_.handoff->handoff.identity;
  info->mechanism = options_.handoff->mechanism;
}

absl::Duration SessionTls::TimeLeft() const {
  const uint64_t now = Now();
  const absl::Duration gone = absl::Milliseconds(now - std::min(began_, now));
  return std::max(absl::Seconds(options_.session_timeout) - gone,
                  absl::ZeroDuration());
}

}  // namespace postern::programs
