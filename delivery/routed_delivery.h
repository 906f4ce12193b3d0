// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A Delivery that divides the recipients of a message between deliveries.

#ifndef POSTERN_DELIVERY_ROUTED_DELIVERY_H_
#define POSTERN_DELIVERY_ROUTED_DELIVERY_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "engine/delivery.h"
#include "engine/grammar/extension.h"
#include "engine/grammar/path.h"
#include "engine/session_info.h"

namespace postern::delivery {

// Verdict::rule() of refusals by a RoutedDelivery itself.
inline constexpr absl::string_view kRoutesRule = "routes";

// Each recipient belongs to one delivery, its destination. A transaction has
// one transaction of each destination that a recipient has reached. The
// destination decides about the recipient, and gets the content with an
// envelope of its own recipients.
//
// A destination that refuses in Open() gets no content. If all refuse, Open()
// refuses. Otherwise CommitEach() answers for its recipients with this refusal.
// Commit() then commits nothing: the refusal is the answer, and it is true for
// all recipients. If Commit() gets different answers of destinations, the
// answer is that of OneVerdict().
//
// Content is not copied here. It is written to all destinations, and Write()
// waits for the slowest one. Each destination may buffer content, so the memory
// of a transaction is limited by kMaxDestinations.
//
// Thread-safe if the deliveries are.
class RoutedDelivery : public Delivery {
 public:
  // Destinations of one transaction. A recipient with another one gets a 452,
  // and the client sends to it in another transaction (RFC 5321 4.5.3.1.10).
  static constexpr size_t kMaxDestinations = 8;

  // Returns the index of the delivery for `recipient`. Always returns the same
  // one for equal recipients, must not block, and is thread-safe.
  using Choose = std::function<size_t(const Path& recipient)>;

  // `deliveries` is not empty, and has each result of `choose`.
  RoutedDelivery(std::vector<std::shared_ptr<Delivery>> deliveries,
                 Choose choose)
      : deliveries_(std::move(deliveries)), choose_(std::move(choose)) {}

  // The extensions that all deliveries support: a recipient of each may follow
  // MAIL.
  ExtensionSet carries() const override;
  bool ServesRemote(const Path& recipient) const override {
    return deliveries_[choose_(recipient)]->ServesRemote(recipient);
  }
  // AddRecipient() must be asked, because it limits the destinations.
  bool LooksUpRecipients() const override { return true; }
  std::unique_ptr<MailTransaction> Begin(
      const Envelope& envelope, const SharedSessionInfo& session) override;

 private:
  class Transaction;

  const std::vector<std::shared_ptr<Delivery>> deliveries_;
  const Choose choose_;
};

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_ROUTED_DELIVERY_H_
