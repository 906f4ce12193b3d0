// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Accepts mail and forgets it, to measure everything but the delivery.

#ifndef POSTERN_DELIVERY_DISCARD_H_
#define POSTERN_DELIVERY_DISCARD_H_

#include "engine/delivery.h"

namespace postern::delivery {

// Loses every message it accepts. Thread-safe.
class Discard : public Delivery {
 public:
  Opened Open(const Envelope& envelope, const SessionInfo& session) override;
};

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_DISCARD_H_
