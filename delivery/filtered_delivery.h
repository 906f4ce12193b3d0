// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A Delivery that asks a filter about each message before another Delivery gets
// it.

#ifndef POSTERN_DELIVERY_FILTERED_DELIVERY_H_
#define POSTERN_DELIVERY_FILTERED_DELIVERY_H_

#include <memory>
#include <string>
#include <utility>

#include "delivery/content_filter.h"
#include "engine/delivery.h"
#include "system/run.h"

namespace postern::delivery {

// Passes recipients on to `delivery` at once, and holds the content of a
// message until its end (delivery/spool.h). Then it asks `filter`. If the
// filter accepts the message, `delivery` is opened, gets the content with the
// changes of the filter, and commits; its answer is the answer. So an
// acceptance has the durability of `delivery`, and `delivery` occupies nothing
// while the filter works. The content is passed on unchanged, except for the
// header fields that the filter adds, removes or replaces.
//
// If the filter refuses, Verdict::rule() is its name and source() its reason.
// If `delivery` refuses, the verdict is that of `delivery`. An acceptance has
// the rule of `delivery`, or else the filter's name, and its source() has the
// reason of the filter: after that of `delivery`, as "SOURCE; NAME: REASON", if
// `delivery` has given a rule.
//
// Temporary refusals of its own: 452 if the disk of the temporary file is full,
// and otherwise 451 if the file cannot be written or read. A message whose
// header section is longer than kMaxHeaderSection, and would have to be
// changed, gets a 554.
//
// Thread-safe if `delivery` and `filter` are.
class FilteredDelivery : public Delivery {
 public:
  // Write() of the transactions of `delivery` must never return false. Messages
  // that do not fit into memory are in `directory`.
  //
  // `run` runs the tasks that ask the filter, which block: pass a
  // system::BoundedRun, so that a filter that hangs leaves threads for other
  // work. `delivery` then commits on such a thread, too. Empty: Commit() asks,
  // and blocks.
  FilteredDelivery(std::shared_ptr<Delivery> delivery,
                   std::shared_ptr<ContentFilter> filter, std::string directory,
                   system::Run run)
      : delivery_(std::move(delivery)),
        filter_(std::move(filter)),
        directory_(std::move(directory)),
        run_(std::move(run)) {}

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
  const std::shared_ptr<Delivery> delivery_;
  const std::shared_ptr<ContentFilter> filter_;
  const std::string directory_;
  const system::Run run_;
};

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_FILTERED_DELIVERY_H_
