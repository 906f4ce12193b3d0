// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/discard.h"

#include <memory>
#include <utility>

namespace postern::delivery {
namespace {

class DiscardedMessage : public MessageSink {
 public:
  bool Write(absl::Span<const absl::string_view>,
             absl::AnyInvocable<void() &&>) override {
    return true;
  }
  void Commit(Policy::Done done) override {
    std::move(done)(Verdict::Accept());
  }
};

}  // namespace

Delivery::Opened Discard::Open(const Envelope&, const SessionInfo&) {
  return std::make_unique<DiscardedMessage>();
}

}  // namespace postern::delivery
