// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A Delivery with limits of messages, recipients and octets in a time.

#ifndef POSTERN_SERVICE_RATE_LIMITED_DELIVERY_H_
#define POSTERN_SERVICE_RATE_LIMITED_DELIVERY_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"
#include "engine/delivery.h"
#include "policy/limits/rate_counter.h"

namespace postern::service {

// The rule of its refusals in the log and in metrics.
inline constexpr absl::string_view kRateLimitRule = "rate-limit";

// Wraps `delivery`, and counts in `limits`:
//
//   at the first RCPT     one message, and the octets that SIZE declares
//   at each RCPT          one recipient, if `delivery` accepts it
//   at the end            the octets beyond SIZE, with the Received field
//
// What does not fit gets a 450 that names the limit (RFC 5321 4.2.2: blocked
// for policy reasons). A message that is larger than the whole limit never
// fits, and gets a 552. If the message is not accepted, or the transaction ends
// before, nothing has been counted. Clients whose rule sets NORATELIMIT have
// only the limits of their users.
//
// The first refusal by a limit within the limit's time writes a line to the
// log:
//
//   rate-limit who=user what=recipients most=200 seconds=3600 ip=192.0.2.1
//   user=ann from=<ann@example.org>
//
// (one line, after the session and the id). The log has the refusals
// themselves as decisions, with rule=rate-limit.
//
// If the limits answer later, `delivery` is asked on the session's thread after
// that, as if they had answered at once.
//
// Thread-safe, as `delivery` is.
class RateLimitedDelivery : public Delivery {
 public:
  struct Limiter {
    policy::RateCounter* limits = nullptr;  // must outlive the transactions
    std::function<int64_t()> now;           // the clock of `limits`
    // Returns one text for all spellings of a user's name.
    std::function<std::string(absl::string_view user)> user_key;
    // Returns a function that runs tasks on the calling thread, in the order of
    // its calls, which may come from any thread. Called for an answer that
    // comes later. Empty: such an answer is used on the thread that gives it.
    using Run = std::function<void(absl::AnyInvocable<void() &&>)>;
    std::function<Run()> here;
  };

  RateLimitedDelivery(std::shared_ptr<Delivery> delivery, Limiter limiter)
      : delivery_(std::move(delivery)),
        limiter_(std::make_shared<const Limiter>(std::move(limiter))) {}

  ExtensionSet carries() const override { return delivery_->carries(); }
  bool ServesRemote(const Path& recipient) const override {
    return delivery_->ServesRemote(recipient);
  }
  bool LooksUpRecipients() const override {
    return delivery_->LooksUpRecipients();
  }
  std::unique_ptr<MailTransaction> Begin(
      const Envelope& envelope, const SharedSessionInfo& session) override;
  void OnContentRefused(const Refusal& refusal,
                        const SessionInfo& session) override {
    delivery_->OnContentRefused(refusal, session);
  }

 private:
  class Transaction;

  const std::shared_ptr<Delivery> delivery_;
  const std::shared_ptr<const Limiter> limiter_;
};

}  // namespace postern::service

#endif  // POSTERN_SERVICE_RATE_LIMITED_DELIVERY_H_
