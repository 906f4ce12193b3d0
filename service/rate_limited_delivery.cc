// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "service/rate_limited_delivery.h"

#include <algorithm>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "engine/grammar/reply.h"
#include "log/log.h"
#include "log/log_line.h"
#include "policy/check.h"

namespace postern::service {
namespace {

using What = policy::RateLimit::What;
using Claim = policy::RateLimits::Claim;

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
              const Limiter& limiter, Claim claim, const Envelope& envelope,
              SharedSessionInfo session)
      : transaction_(std::move(transaction)),
        now_(limiter.now),
        from_(envelope.from),
        message_(envelope.message),
        session_(std::move(session)),
        claim_(std::move(claim)) {}

  std::optional<Verdict> AddRecipient(const Rcpt& rcpt,
                                      Policy::Later later) override {
    if (auto refusal = ClaimRecipient(rcpt)) return refusal;
    // `later` is valid until this returns, and so is the function that it is
    // given to.
    const auto ours = [this, later]() -> Policy::Done {
      return [this, done = later()](Verdict verdict) mutable {
        if (!verdict.accepted()) GiveBack(What::kRecipients, 1);
        std::move(done)(std::move(verdict));
      };
    };
    std::optional<Verdict> verdict = transaction_->AddRecipient(rcpt, ours);
    if (verdict && !verdict->accepted()) GiveBack(What::kRecipients, 1);
    return verdict;
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
    if (auto refusal = ClaimSize()) return std::move(done)(*std::move(refusal));
    // `done` keeps this object alive until it is called.
    transaction_->Commit(
        [this, done = std::move(done)](Verdict verdict) mutable {
          if (verdict.accepted()) Keep();
          std::move(done)(std::move(verdict));
        });
  }

  void CommitEach(EachDone done) override {
    if (auto refusal = ClaimSize()) {
      return std::move(done)({*std::move(refusal)});
    }
    transaction_->CommitEach(
        [this, done = std::move(done)](std::vector<Verdict> verdicts) mutable {
          const auto refused = std::count_if(
              verdicts.begin(), verdicts.end(),
              [](const Verdict& verdict) { return !verdict.accepted(); });
          if (static_cast<size_t>(refused) < verdicts.size()) {
            GiveBack(What::kRecipients, static_cast<uint64_t>(refused));
            Keep();
          }
          std::move(done)(std::move(verdicts));
        });
  }

  void OnReplied() override {
    // After a refusal by a limit, the delivery has not been asked.
    if (!refused_at_end_) transaction_->OnReplied();
  }

 private:
  // Takes one recipient, and before it the message. Returns the refusal if a
  // limit has less left.
  std::optional<Verdict> ClaimRecipient(const Rcpt& rcpt) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!begun_) {
      if (auto refusal = Take(What::kMessages, 1, 1)) return refusal;
      const uint64_t size = rcpt.size.value_or(0);
      if (auto refusal = Take(What::kBytes, size, size)) {
        claim_.GiveBack(What::kMessages, 1);
        return refusal;
      }
      begun_ = true;
      claimed_size_ = size;
    }
    return Take(What::kRecipients, 1, 1);
  }

  // Corrects the size that the client declared.
  std::optional<Verdict> ClaimSize() {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (size_ <= claimed_size_) {
      claim_.GiveBack(What::kBytes, claimed_size_ - size_);
      return std::nullopt;
    }
    auto refusal = Take(What::kBytes, size_ - claimed_size_, size_);
    refused_at_end_ = refusal.has_value();
    return refusal;
  }

  // Takes `n`, of the `whole` that the message has of it. The caller holds
  // mutex_.
  std::optional<Verdict> Take(What what, uint64_t n, uint64_t whole) {
    const auto refusal = claim_.Take(what, n, now_());
    if (!refusal) return std::nullopt;
    const policy::RateLimit& limit = *refusal->limit;
    if (refusal->first) LogExceeded(limit, message_, from_, *session_);
    // A message that is larger than the whole limit never fits.
    Reply reply = whole > limit.most
                      ? Reply{552,
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

  void GiveBack(What what, uint64_t n) {
    const std::lock_guard<std::mutex> lock(mutex_);
    claim_.GiveBack(what, n);
  }

  void Keep() {
    const std::lock_guard<std::mutex> lock(mutex_);
    claim_.Keep();
  }

  const std::unique_ptr<MailTransaction> transaction_;
  const std::function<int64_t()>& now_;
  const Path from_;
  const int message_;
  const SharedSessionInfo session_;
  uint64_t size_ = 0;
  bool refused_at_end_ = false;
  // Answers about recipients come on any thread.
  std::mutex mutex_;  // guards the members below
  Claim claim_;
  bool begun_ = false;  // the message and its declared size are taken
  uint64_t claimed_size_ = 0;
};

std::unique_ptr<MailTransaction> RateLimitedDelivery::Begin(
    const Envelope& envelope, const SharedSessionInfo& session) {
  Claim claim = limiter_.limits->Begin(
      {.address = session->remote_address,
       .user = session->identity.empty() ? ""
                                         : limiter_.user_key(session->identity),
       .sender = envelope.from,
       .may_relay = policy::MayRelay(*session),
       .exempt = policy::FindVariable(*session, "NORATELIMIT") != nullptr});
  return std::make_unique<Transaction>(delivery_->Begin(envelope, session),
                                       limiter_, std::move(claim), envelope,
                                       session);
}

}  // namespace postern::service
