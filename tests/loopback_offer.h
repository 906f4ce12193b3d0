// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Computes what the server of a loopback must offer, from the configuration and
// the RFCs, independently of the engine.

#ifndef POSTERN_TESTS_LOOPBACK_OFFER_H_
#define POSTERN_TESTS_LOOPBACK_OFFER_H_

#include "absl/strings/string_view.h"
#include "engine/grammar/extension.h"
#include "engine/grammar/parameters.h"
#include "engine/grammar/path.h"
#include "tests/loopback.h"

namespace postern {

struct LoopbackOffer {
  const Loopback& loopback;
  bool extended = false;  // EHLO or LHLO was accepted, not HELO
  bool tls = false;

  bool Has(Extension extension) const;
  bool HasMechanism(absl::string_view name) const;
  bool HasAuth() const;
  bool HasStartTls() const;

  // Return the parameters without those that the server does not offer.
  MailParameters Trim(const MailParameters& parameters) const;
  RcptParameters Trim(const RcptParameters& parameters) const;
};

}  // namespace postern

#endif  // POSTERN_TESTS_LOOPBACK_OFFER_H_
