// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "service/rate_limited_delivery.h"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "engine/grammar/reply.h"
#include "log/log.h"
#include "log/log_line.h"
#include "policy/check.h"

namespace postern::service {
namespace {

using What = policy::RateLimit::What;
using Claim = policy::RateClaim;

// Returns "of this user" and so on: a reply does not repeat what a client sent.
absl::string_view OfWhom(policy::RateLimit::Who who) {
  switch (who) {
    case policy::RateLimit::Who::kClient:
      return "from your address";
    case policy::RateLimit::Who::kUser:
      return "of this user";
    case policy::RateLimit::Who::kSender:
      return "of this sender";
    case policy::RateLimit::Who::kSenderDomain:
      return "of this sender's domain";
  }
  return "";
}

void LogExceeded(const policy::RateLimit& limit, int message, const Path& from,
                 const SessionInfo& session) {
  log::LogLine line(kRateLimitRule, log::LineStyle(),
                    {session.session_id, message});
  line.Word("who", policy::RateWhoName(limit.who))
      .Word("what", policy::RateWhatName(limit.what))
      .Number("most", limit.most)
      .Number("seconds",
              static_cast<uint64_t>(absl::ToInt64Seconds(limit.time)))
      .Ip("ip", session.remote_address);
  if (!session.identity.empty()) {
    line.Text("user", session.identity, log::kMaxLoggedName);
  }
  log::WriteLog(line.Address("from", from));
}

}  // namespace

class RateLimitedDelivery::Transaction : public MailTransaction {
 public:
  Transaction(std::unique_ptr<MailTransaction> transaction,
              std::shared_ptr<const Limiter> limiter,
              std::unique_ptr<Claim> claim, const Envelope& envelope,
              SharedSessionInfo session)
      : transaction_(std::move(transaction)),
        limiter_(std::move(limiter)),
        from_(envelope.from),
        message_(envelope.message),
        session_(std::move(session)),
        claim_(std::move(claim)) {}

  std::optional<Verdict> AddRecipient(const Rcpt& rcpt,
                                      Policy::Later later) override {
    if (claiming_message_) {
      // Whether the message must be claimed again is not known yet.
      waiting_.push_back([this, rcpt, done = later()]() mutable {
        AddLater(rcpt, std::move(done));
      });
      return std::nullopt;
    }
    const bool whole = !begun_;
    const uint64_t size = rcpt.size.value_or(0);
    const std::array<Claim::Amount, 3> amounts = {
        {{What::kMessages, 1}, {What::kBytes, size}, {What::kRecipients, 1}}};
    const auto answer =
        claim_->Take(absl::MakeConstSpan(amounts).last(whole ? 3 : 1),
                     limiter_->now(), [&]() -> Claim::Done {
                       claiming_message_ = whole;
                       // The result of `later` keeps this object alive.
                       return Here([this, rcpt, whole, done = later()](
                                       const Claim::Answer& late) mutable {
                         Claimed(rcpt, whole, late, std::move(done));
                       });
                     });
    if (!answer) return std::nullopt;
    if (answer->refusal) return Refuse(*answer->refusal, size);
    if (whole) BeginMessage(size);
    return AddClaimed(rcpt, later);
  }

  std::optional<Verdict> Open(const Envelope& envelope,
                              Policy::Later later) override {
    return transaction_->Open(envelope, later);
  }

  bool Write(absl::Span<const absl::string_view> slices,
             absl::AnyInvocable<void() &&> ready) override {
    for (const absl::string_view slice : slices) size_ += slice.size();
    return transaction_->Write(slices, std::move(ready));
  }

  void Commit(Policy::Done done) override {
    // `done` keeps this object alive until it is called.
    ClaimSize(
        [this, done = std::move(done)](std::optional<Verdict> refusal) mutable {
          if (refusal) return std::move(done)(*std::move(refusal));
          transaction_->Commit(
              [this, done = std::move(done)](Verdict verdict) mutable {
                if (verdict.accepted()) claim_->Keep();
                std::move(done)(std::move(verdict));
              });
        });
  }

  void CommitEach(EachDone done) override {
    ClaimSize([this,
               done = std::move(done)](std::optional<Verdict> refusal) mutable {
      if (refusal) return std::move(done)({*std::move(refusal)});
      transaction_->CommitEach([this, done = std::move(done)](
                                   std::vector<Verdict> verdicts) mutable {
        const auto refused = std::count_if(
            verdicts.begin(), verdicts.end(),
            [](const Verdict& verdict) { return !verdict.accepted(); });
        if (static_cast<size_t>(refused) < verdicts.size()) {
          claim_->GiveBack(What::kRecipients, static_cast<uint64_t>(refused));
          claim_->Keep();
        }
        std::move(done)(std::move(verdicts));
      });
    });
  }

  void OnReplied() override {
    // After a refusal by a limit, the delivery has not been asked.
    if (!refused_at_end_) transaction_->OnReplied();
  }

 private:
  using SizeClaimed = absl::AnyInvocable<void(std::optional<Verdict>) &&>;

  // Returns a function that calls `use` with its argument on this thread.
  template <typename Use>
  Claim::Done Here(Use use) const {
    if (!limiter_->here) return use;
    return [run = limiter_->here(),
            use = std::move(use)](Claim::Answer answer) mutable {
      run([use = std::move(use), answer]() mutable { use(answer); });
    };
  }

  void BeginMessage(uint64_t size) {
    begun_ = true;
    claimed_size_ = size;
  }

  // The limits have answered about a recipient later. `whole`: also about the
  // message.
  void Claimed(const Rcpt& rcpt, bool whole, const Claim::Answer& answer,
               Policy::Done done) {
    const uint64_t size = rcpt.size.value_or(0);
    if (whole) claiming_message_ = false;
    if (whole && !answer.refusal) BeginMessage(size);
    std::vector<absl::AnyInvocable<void() &&>> waiting;
    if (whole) waiting.swap(waiting_);
    if (answer.refusal) {
      // Another recipient may keep this object alive.
      std::move(done)(Refuse(*answer.refusal, size));
    } else {
      AnswerWith(std::move(done),
                 [&](Policy::Later later) { return AddClaimed(rcpt, later); });
    }
    for (auto& each : waiting) std::move(each)();
  }

  void AddLater(const Rcpt& rcpt, Policy::Done done) {
    AnswerWith(std::move(done),
               [&](Policy::Later later) { return AddRecipient(rcpt, later); });
  }

  // Calls `done` with the answer to `question`, which gets a `later`.
  template <typename Question>
  static void AnswerWith(Policy::Done done, Question question) {
    std::optional<Verdict> verdict =
        question([&done]() -> Policy::Done { return std::move(done); });
    if (verdict) std::move(done)(*std::move(verdict));
  }

  // Asks the delivery about a recipient that the limits have accepted.
  std::optional<Verdict> AddClaimed(const Rcpt& rcpt, Policy::Later later) {
    // `later` is valid until this returns, and so is the function that it is
    // given to.
    const auto ours = [this, later]() -> Policy::Done {
      return [this, done = later()](Verdict verdict) mutable {
        if (!verdict.accepted()) claim_->GiveBack(What::kRecipients, 1);
        std::move(done)(std::move(verdict));
      };
    };
    std::optional<Verdict> verdict = transaction_->AddRecipient(rcpt, ours);
    if (verdict && !verdict->accepted()) {
      claim_->GiveBack(What::kRecipients, 1);
    }
    return verdict;
  }

  // Corrects the size that the client declared.
  void ClaimSize(SizeClaimed done) {
    if (size_ <= claimed_size_) {
      claim_->GiveBack(What::kBytes, claimed_size_ - size_);
      return std::move(done)(std::nullopt);
    }
    const Claim::Amount more = {What::kBytes, size_ - claimed_size_};
    const auto use = [this](const Claim::Answer& answer, SizeClaimed claimed) {
      refused_at_end_ = answer.refusal.has_value();
      std::move(claimed)(answer.refusal
                             ? std::optional(Refuse(*answer.refusal, size_))
                             : std::nullopt);
    };
    const auto answer =
        claim_->Take({&more, 1}, limiter_->now(), [&]() -> Claim::Done {
          return Here(
              [use, done = std::move(done)](const Claim::Answer& late) mutable {
                use(late, std::move(done));
              });
        });
    if (answer) use(*answer, std::move(done));
  }

  // Returns the refusal of a message with `size` octets.
  Verdict Refuse(const Claim::Refusal& refusal, uint64_t size) const {
    const policy::RateLimit& limit = *refusal.limit;
    if (refusal.first) LogExceeded(limit, message_, from_, *session_);
    // A message that is larger than the whole limit never fits.
    const bool never = limit.what == What::kBytes && size > limit.most;
    Reply reply = never ? Reply{552,
                                {5, 3, 4},
                                absl::StrCat("message is larger than ",
                                             limit.most, " bytes (#5.3.4)")}
                        : Reply{450,
                                {4, 7, 1},
                                absl::StrCat("more than ", limit.Amount(), " ",
                                             OfWhom(limit.who),
                                             ", try again later (#4.7.1)")};
    return Verdict::Refuse(std::move(reply))
        .By(kRateLimitRule)
        .From(limit.Amount());
  }

  const std::unique_ptr<MailTransaction> transaction_;
  // Shared, because an answer may come after the end of the delivery.
  const std::shared_ptr<const Limiter> limiter_;
  const Path from_;
  const int message_;
  const SharedSessionInfo session_;
  uint64_t size_ = 0;
  bool refused_at_end_ = false;
  bool begun_ = false;  // the message and its declared size are claimed
  uint64_t claimed_size_ = 0;
  // The limits have not answered yet about the message. Recipients wait for
  // that.
  bool claiming_message_ = false;
  std::vector<absl::AnyInvocable<void() &&>> waiting_;
  // Answers about recipients, which use it, come on any thread.
  const std::unique_ptr<Claim> claim_;
};

std::unique_ptr<MailTransaction> RateLimitedDelivery::Begin(
    const Envelope& envelope, const SharedSessionInfo& session) {
  std::unique_ptr<Claim> claim = limiter_->limits->Begin(
      {.address = session->remote_address,
       .user = session->identity.empty()
                   ? ""
                   : limiter_->user_key(session->identity),
       .sender = envelope.from,
       .may_relay = policy::MayRelay(*session),
       .exempt = policy::FindVariable(*session, "NORATELIMIT") != nullptr});
  return std::make_unique<Transaction>(delivery_->Begin(envelope, session),
                                       limiter_, std::move(claim), envelope,
                                       session);
}

}  // namespace postern::service
