// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Accepts mail and discards it. For measurements of everything but storage.

#ifndef POSTERN_DELIVERY_DISCARD_H_
#define POSTERN_DELIVERY_DISCARD_H_

#include <memory>

#include "engine/delivery.h"

namespace postern::delivery {

// Discards every message that it accepts. It claims to carry every extension,
// since it never has to honour one. Thread-safe.
class Discard : public Delivery {
 public:
  ExtensionSet carries() const override { return ExtensionSet::All(); }
  bool ServesRemote(const Path&) const override { return true; }
  std::unique_ptr<MailTransaction> Begin(
      const Envelope& envelope, const SharedSessionInfo& session) override;
};

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_DISCARD_H_
