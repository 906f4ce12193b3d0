// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Runs a blocking Delivery on a thread pool.

#ifndef POSTERN_DELIVERY_POOLED_DELIVERY_H_
#define POSTERN_DELIVERY_POOLED_DELIVERY_H_

#include <chrono>
#include <functional>
#include <memory>
#include <utility>

#include "engine/delivery.h"
#include "system/run.h"

namespace postern::delivery {

// Runs the transactions of `delivery`, which block on disks and processes, on
// the threads of `run`. Never blocks itself. A transaction runs on one thread
// at a time. If the delivery looks up recipients, it does so on these threads;
// otherwise each recipient is accepted at once.
//
// Content is copied and passed on in pieces of 64 KiB. The client has to wait
// while 512 KiB have not been passed on. A short message is one task from
// Open() to Commit(). Therefore a message that cannot be opened is refused
// after its end, not at DATA; and the delivery never sees a message that was
// abandoned before its first task.
//
// If the task that opens a message begins more than three minutes after the end
// of the message, because all threads are busy, the message gets a 451. If the
// delivery took it then, the client could give up waiting and send it again.
//
// Thread-safe. It need not outlive its transactions, nor they their tasks. The
// threads must outlive all of them.
class PooledDelivery : public Delivery {
 public:
  // The clock that deadlines use.
  using Time = std::chrono::steady_clock::time_point;

  // The transactions of `delivery` must answer Open() at once, and their
  // Write() must never return false. `now` must be thread-safe.
  PooledDelivery(std::shared_ptr<Delivery> delivery, system::Run run,
                 std::function<Time()> now = std::chrono::steady_clock::now)
      : delivery_(std::move(delivery)),
        run_(std::move(run)),
        now_(std::move(now)) {}

  ExtensionSet carries() const override { return delivery_->carries(); }
  bool ServesRemote(const Path& recipient) const override {
    return delivery_->ServesRemote(recipient);
  }
  bool LooksUpRecipients() const override {
    return delivery_->LooksUpRecipients();
  }
  std::unique_ptr<MailTransaction> Begin(
      const Envelope& envelope, const SharedSessionInfo& session) override;

 private:
  const std::shared_ptr<Delivery> delivery_;
  const system::Run run_;
  const std::function<Time()> now_;
};

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_POOLED_DELIVERY_H_
