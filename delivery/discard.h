// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Accepts mail and forgets it, to measure everything but the delivery.

#ifndef POSTERN_DELIVERY_DISCARD_H_
#define POSTERN_DELIVERY_DISCARD_H_

#include <memory>

#include "engine/delivery.h"

namespace postern::delivery {

// Loses every message it accepts, and keeps what else it promises as well as it
// keeps them. Thread-safe.
class Discard : public Delivery {
 public:
  ExtensionSet carries() const override { return ExtensionSet::All(); }
  bool ServesRemote(const Path&) const override { return true; }
  std::unique_ptr<MailTransaction> Begin(
      const Envelope& envelope, const SharedSessionInfo& session) override;
};

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_DISCARD_H_
