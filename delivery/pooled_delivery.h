// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A Delivery that blocks, for those who may not wait.

#ifndef POSTERN_DELIVERY_POOLED_DELIVERY_H_
#define POSTERN_DELIVERY_POOLED_DELIVERY_H_

#include <chrono>
#include <functional>
#include <memory>
#include <utility>

#include "engine/delivery.h"
#include "system/run.h"

namespace postern::delivery {

// Has `delivery`, whose transactions wait for disks and processes, work on the
// threads of `run`, and waits for nothing itself. A transaction works on one
// thread at a time. Its recipients are asked for there if the delivery looks
// them up; otherwise they are accepted at once.
//
// What is written is copied, and worked on in pieces of 64 KiB; a client that
// is faster than the disk waits with 512 KiB ahead. A short message is one task
// from the opening to the commit. So a message that cannot be opened is refused
// at its end, not at DATA; and one that is given up before anything of it was
// worked on never reached the delivery at all. One whose task comes more than
// three minutes behind its end, since all threads are stuck, is refused: the
// client will not wait for what the delivery then takes, and send it again.
//
// Thread-safe. It need not outlive its transactions, nor they their tasks; the
// threads must outlive all of them.
class PooledDelivery : public Delivery {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // `delivery`'s transactions never return false from Write(). `now` is
  // thread-safe.
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
