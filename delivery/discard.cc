// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/discard.h"

#include <memory>
#include <optional>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace postern::delivery {
namespace {

class DiscardedMessage : public MailTransaction {
 public:
  std::optional<Verdict> Open(const Envelope&, Policy::Later) override {
    return Verdict::Accept();
  }
  bool Write(absl::Span<const absl::string_view>,
             absl::AnyInvocable<void() &&>) override {
    return true;
  }
  void Commit(Policy::Done done) override {
    std::move(done)(Verdict::Accept());
  }
};

}  // namespace

std::unique_ptr<MailTransaction> Discard::Begin(const Envelope&,
                                                const SharedSessionInfo&) {
  return std::make_unique<DiscardedMessage>();
}

}  // namespace postern::delivery
