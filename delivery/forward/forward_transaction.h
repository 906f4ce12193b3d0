// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// One mail transaction that is passed on to a next hop while it arrives.

#ifndef POSTERN_DELIVERY_FORWARD_FORWARD_TRANSACTION_H_
#define POSTERN_DELIVERY_FORWARD_FORWARD_TRANSACTION_H_

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "delivery/forward/hop_link.h"
#include "delivery/forward/hop_pool.h"
#include "engine/ask.h"
#include "engine/client_step.h"
#include "engine/delivery.h"
#include "engine/grammar/reply.h"
#include "engine/policy.h"
#include "engine/proxied_client.h"
#include "engine/verdict.h"

namespace postern::delivery {

// The next hop gets MAIL with the first recipient. Each recipient gets the next
// hop's reply to its RCPT, and the message the reply to its content:
//
//   2yz                       the reply
//   4yz, except 421           the reply
//   5yz                       the reply, unless it is about this connection
//                             (500, 502, 503, 504, 530, 534, 535, 538,
//                             555)
//   these, 421, and a next    451, and a text that says what happened
//     hop that fails
//
// So an outage is never a permanent refusal. The reply to a refused MAIL is the
// reply to each recipient. The reply to DATA is the reply to the client's DATA.
//
// The parameters of MAIL and RCPT are passed on. A next hop that does not offer
// the extension of one gets the message without it if it is information only:
// SIZE, BODY=7BIT, and of DSN what asks for no other report than usual.
// Otherwise the recipients are refused, so that nothing is lost silently:
//
//   SIZE greater than the next hop's limit            552 (RFC 1870 6.1)
//   SMTPUTF8                                          550 (RFC 6531 3.2)
//   BODY=8BITMIME                                     554 (RFC 6152 3)
//   BODY=BINARYMIME, and NOTIFY that a next hop       451: the words of the
//     without DSN would not follow (RFC 3461 5.2.2)   next hop promise it
//
// BODY=BINARYMIME is sent in chunks. All other content is sent after DATA,
// whatever the client uses: see docs/benchmarks.md.
//
// Several replies of LMTP are one verdict for an SMTP client: an acceptance if
// all are, a permanent refusal if all are, and otherwise a temporary refusal.
// After that the client sends the message again, and recipients that had it get
// it twice; none loses it.
//
// Used on the thread of its pool, where all answers are given.
class ForwardTransaction : public MailTransaction,
                           private HopUser,
                           private HopWaiter {
 public:
  // The client waits five minutes for the reply to RCPT (RFC 5321 4.5.3.2.3).
  static constexpr std::chrono::minutes kRecipientTimeout{4};
  // It waits two minutes for the reply to DATA (RFC 5321 4.5.3.2.4).
  static constexpr std::chrono::seconds kContentTimeout{100};
  // Octets of content that wait for the next hop. The client has to wait while
  // there are more.
  static constexpr size_t kAhead = size_t{128} << 10;
  // Octets of a reply's text that are passed on.
  static constexpr size_t kMaxText = 2000;

  // `client` is the one that the next hop gets to know, if it is to know it.
  // `rule` is Verdict::rule() of the answers, and must be static.
  ForwardTransaction(std::shared_ptr<HopPool> pool, const Envelope& envelope,
                     ProxiedClient client, absl::string_view rule);
  ~ForwardTransaction() override;

  std::optional<Verdict> AddRecipient(const Rcpt& rcpt,
                                      Policy::Later later) override;
  std::optional<Verdict> Open(const Envelope& envelope,
                              Policy::Later later) override;
  bool Write(absl::Span<const absl::string_view> slices,
             absl::AnyInvocable<void() &&> ready) override;
  void Commit(Policy::Done done) override;
  void CommitEach(EachDone done) override;

 private:
  struct Pending {
    Rcpt rcpt;
    Policy::Done done;
    HopDriver::Time until;
    CommandId id{};  // once it is sent
  };
  struct Accepted {
    Path path;
    CommandId id;
    std::optional<Reply> reply;  // to the message, in LMTP
  };

  const ProxiedClient& client() const override { return client_; }
  void OnReady() override { SendMail(); }
  bool OnStep(const ClientStep& step) override;
  void OnLost(const HopFailure& failure) override;
  void OnLink(HopLink* link, bool reused) override;
  void OnUnavailable(const HopFailure& failure) override;

  void SendMail();
  // Returns why this next hop cannot get the message, if it cannot.
  std::optional<Reply> Unfit() const;
  // Gives the RCPT to the session. Returns the verdict if it cannot be sent.
  std::optional<Verdict> SendRecipient(Pending* pending);
  void OnReply(CommandId command, const Reply& reply);
  bool OnBodyWanted();
  // The connection or the search for one has failed.
  void Fail(const HopFailure& failure);
  // Answers all pending recipients with `verdict`. This object may not exist
  // afterwards.
  void AnswerAll(const Verdict& verdict);
  // The result of the message is known.
  void Finish(std::vector<Verdict> verdicts);
  void TryAnswer();
  // Returns when the first pending recipient must have its answer.
  std::optional<HopDriver::Time> FirstDeadline() const;
  void SetDeadline();
  // Gets a connection from the pool. See HopPool::Acquire().
  void Acquire(bool fresh, size_t first = 0);
  // The client has sent the message. The server must reply while the client
  // waits: otherwise it could accept a message that the client sends again.
  void Complete();
  void Release(HopLink::Left left);
  bool chunks() const { return mail_.parameters.body == BodyType::kBinaryMime; }
  // What the server has after the reply to the message. RFC 3030 2: a refused
  // chunk does not end the transaction.
  HopLink::Left Ended(bool accepted) const {
    return chunks() && !accepted ? HopLink::Left::kEnvelope
                                 : HopLink::Left::kClean;
  }

  // Returns what the client gets for a reply of the next hop.
  Verdict Answer(const Reply& reply) const;
  Verdict Refuse(const HopFailure& failure) const;

  const std::shared_ptr<HopPool> pool_;
  const absl::string_view rule_;
  const Mail mail_;
  const ProxiedClient client_;
  HopLink* link_ = nullptr;
  bool acquiring_ = false;
  bool reused_ = false;
  std::string source_;  // the server

  CommandId mail_id_{};
  bool mail_sent_ = false;  // on this link
  bool mail_answered_ = false;
  std::vector<Pending> pending_;
  std::vector<Accepted> accepted_;
  // The transaction cannot succeed any more.
  std::optional<Verdict> refusal_;

  // The content.
  CommandId body_id_{};
  bool body_begun_ = false;             // DATA was sent
  std::optional<Policy::Done> opened_;  // while its reply is due
  bool body_wanted_ = false;            // the reply was 354
  bool body_ended_ = false;
  bool body_complete_ = false;  // Commit() was called
  std::string content_;         // not passed on yet
  std::string lent_;            // the session is sending it
  std::optional<absl::AnyInvocable<void() &&>> ready_;
  std::vector<size_t> order_;  // of each recipient of the envelope: accepted_
  std::optional<std::vector<Verdict>> result_;
  std::optional<Policy::Done> done_;
  std::optional<EachDone> each_;
};

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_FORWARD_FORWARD_TRANSACTION_H_
