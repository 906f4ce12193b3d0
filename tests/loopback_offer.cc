// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "tests/loopback_offer.h"

#include <algorithm>
#include <string>
#include <vector>

#include "engine/server_config.h"

namespace postern {

bool LoopbackOffer::Has(Extension extension) const {
  const ServerConfig& config = loopback.server;
  if (!extended || !config.extensions.Has(extension)) return false;
  if (extension == Extension::kChunking) return true;
  if (!config.carried.Has(extension)) return false;
  switch (extension) {
    case Extension::kBinaryMime:
      return Has(Extension::kChunking);
    case Extension::kRequireTls:
      return tls;
    case Extension::kFutureRelease:
      return config.hold_limits.has_value();
    case Extension::kChunking:
    case Extension::kSmtpUtf8:
    case Extension::kDsn:
    case Extension::kMtPriority:
    case Extension::kDeliverBy:
    case Extension::kRrvs:
      break;
  }
  return true;
}

bool LoopbackOffer::HasMechanism(absl::string_view name) const {
  const std::vector<std::string>& names =
      tls ? loopback.server.mechanisms : loopback.server.mechanisms_without_tls;
  if (std::find(names.begin(), names.end(), name) == names.end()) return false;
  if (name == "EXTERNAL" && (!tls || loopback.peer_subject.empty())) {
    return false;
  }
  return extended;
}

bool LoopbackOffer::HasAuth() const {
  return HasMechanism("PLAIN") || HasMechanism("LOGIN") ||
         HasMechanism("EXTERNAL");
}

bool LoopbackOffer::HasStartTls() const {
  return extended && !tls && loopback.server.offer_starttls;
}

MailParameters LoopbackOffer::Trim(const MailParameters& parameters) const {
  MailParameters kept = parameters;
  if (!extended) return MailParameters();
  if (kept.body == BodyType::kBinaryMime && !Has(Extension::kBinaryMime)) {
    kept.body.reset();
  }
  if (!Has(Extension::kSmtpUtf8)) kept.smtp_utf8 = false;
  if (!Has(Extension::kDsn)) {
    kept.ret.reset();
    kept.envid.reset();
  }
  if (!HasAuth()) kept.auth.reset();
  if (!Has(Extension::kRequireTls)) kept.require_tls = false;
  if (!Has(Extension::kMtPriority)) kept.priority.reset();
  if (!Has(Extension::kDeliverBy)) kept.deliver_by.reset();
  if (!Has(Extension::kFutureRelease)) kept.hold.reset();
  return kept;
}

RcptParameters LoopbackOffer::Trim(const RcptParameters& parameters) const {
  RcptParameters kept = parameters;
  if (!Has(Extension::kDsn)) {
    kept.notify.reset();
    kept.orcpt.reset();
  }
  if (!Has(Extension::kRrvs)) kept.rrvs.reset();
  return kept;
}

}  // namespace postern
