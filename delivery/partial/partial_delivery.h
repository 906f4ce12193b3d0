// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// One reply to an SMTP client for a delivery that may accept a message for some
// of its recipients and refuse it for others.

#ifndef POSTERN_DELIVERY_PARTIAL_PARTIAL_DELIVERY_H_
#define POSTERN_DELIVERY_PARTIAL_PARTIAL_DELIVERY_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/types/span.h"
#include "delivery/partial/accepted_recipients.h"
#include "engine/delivery.h"
#include "log/report.h"
#include "system/run.h"

namespace postern::delivery {

// What an SMTP client gets if some recipients have the message and others do
// not.
enum class PartialReply : uint8_t {
  // A 451, which makes the client send the message again. Then only the
  // recipients get it that do not have it.
  kRetry,
  // The reply of an acceptance. The other recipients do not get the message.
  kAccept,
  // A refusal, a temporary one if there is one. The client reports to its
  // sender that the message was not delivered, or sends it again to all.
  kRefuse,
};

struct PartialDeliveryOptions {
  PartialReply reply = PartialReply::kRetry;
  // For kRetry, and null otherwise. Must outlive the transactions.
  AcceptedRecipients* accepted = nullptr;
  // MessageKey::destination.
  std::string destination;
  // For kRetry. Messages that a client may be sending again, and that do not
  // fit into memory, are here until their end (delivery/spool.h).
  std::string directory;
  // For kRetry: runs what waits for a disk.
  system::Run run;
  // Called for each message whose verdicts differ, on any thread. The envelope
  // and the verdicts are in the same order. May be empty.
  std::function<void(const Envelope&, const SessionInfo&,
                     absl::Span<const Verdict>)>
      note;
  log::Report report;  // errors of `accepted`
};

// Gives one verdict to an SMTP client where CommitEach() of `delivery` gives
// several. LMTP clients get each of them.
//
// kRetry: in this order,
//
//   1. `delivery` accepts the message for some recipients.
//   2. `accepted` has these recipients on the disk.
//   3. The client gets the 451, and sends the message again. Its RCPTs are
//      asked as always. The content is held until its end, because one of the
//      recipients may have it.
//   4. If the content is the same, `delivery` gets a new transaction with the
//      recipients that do not have it, and otherwise one with all.
//   5. As 2, with the recipients that have it now.
//   6. If all have it, the client gets the 250, and then `accepted` forgets
//      them. Otherwise it gets the 451 again.
//
// No recipient loses a message. A recipient gets a message twice only if
//
//   - the process ends between 1 and 2;
//   - the client disconnects before 2, for example because the next hop is
//     slow, and sends the message again before 2;
//   - the table cannot be written, or has forgotten the message because of its
//     age or its limit; or
//   - the message has neither a Date nor a Message-ID. Another message of its
//     sender may then have the same content, such as the same alarm of a
//     device, and a recipient that was skipped would lose it. So the table does
//     not get the recipients of such a message, and they get it at each
//     attempt.
//
// A message for a sender and recipients that `accepted` does not have streams
// through as without this class. If it has several recipients, its digest is
// computed on the way.
//
// A permanent refusal of one recipient is a 451 as well, as long as another
// recipient has the message: a 5yz would make the client report that none has
// it (docs/decisions.md).
//
// The transactions of `delivery` are used on the thread that calls Begin() and
// the functions of a transaction; if that is an event loop, they are also used
// on it after Commit().
//
// Thread-safe.
class PartialDelivery : public Delivery {
 public:
  PartialDelivery(std::shared_ptr<Delivery> delivery,
                  PartialDeliveryOptions options);
  ~PartialDelivery() override;

  ExtensionSet carries() const override;
  bool ServesRemote(const Path& recipient) const override;
  bool LooksUpRecipients() const override;
  std::unique_ptr<MailTransaction> Begin(
      const Envelope& envelope, const SharedSessionInfo& session) override;
  void OnContentRefused(const Refusal& refusal,
                        const SessionInfo& session) override;

 private:
  class Shared;
  class Claim;
  class Resend;
  class Transaction;

  // Transactions may outlive this object.
  const std::shared_ptr<Shared> shared_;
};

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_PARTIAL_PARTIAL_DELIVERY_H_
