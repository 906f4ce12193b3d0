// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/partial/partial_delivery.h"

#include <algorithm>
#include <cstddef>
#include <mutex>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "delivery/one_verdict.h"
#include "delivery/partial/content_digest.h"
#include "delivery/pooled_delivery.h"
#include "delivery/spool.h"
#include "engine/grammar/reply.h"
#include "log/log.h"
#include "net/event_loop.h"

namespace postern::delivery {
namespace {

// The content is passed on in pieces of this size.
constexpr size_t kPiece = size_t{64} << 10;

constexpr absl::string_view kRule = "partial-delivery";

// Returns a function that runs tasks on the event loop that runs now, or at
// once if there is none.
system::Run OnThisThread() {
  net::EventLoop* const loop = net::EventLoop::Running();
  if (loop == nullptr) {
    return [](absl::AnyInvocable<void() &&> task) { std::move(task)(); };
  }
  return [loop](absl::AnyInvocable<void() &&> task) {
    loop->Post(std::move(task));
  };
}

Verdict CannotSpool(const absl::Status& why) {
  Reply reply =
      absl::IsResourceExhausted(why)
          ? Reply{452, {4, 3, 1}, "disk full or over quota (#4.3.1)"}
          : Reply{451, {4, 3, 0}, "unable to hold the message (#4.3.0)"};
  return Verdict::Refuse(std::move(reply))
      .By(kRule)
      .From(std::string(why.message()));
}

// Keeps the content of a message. Blocks.
class SpoolTransaction : public MailTransaction {
 public:
  explicit SpoolTransaction(std::shared_ptr<Spool> spool)
      : spool_(std::move(spool)) {}

  std::optional<Verdict> Open(const Envelope&, Policy::Later) override {
    return Verdict::Accept();
  }
  bool Write(absl::Span<const absl::string_view> slices,
             absl::AnyInvocable<void() &&>) override {
    for (const absl::string_view slice : slices) spool_->Append(slice);
    return true;
  }
  void Commit(Policy::Done done) override {
    std::move(done)(spool_->status().ok() ? Verdict::Accept()
                                          : CannotSpool(spool_->status()));
  }

 private:
  const std::shared_ptr<Spool> spool_;
};

class SpoolDelivery : public Delivery {
 public:
  explicit SpoolDelivery(std::shared_ptr<Spool> spool)
      : spool_(std::move(spool)) {}
  std::unique_ptr<MailTransaction> Begin(const Envelope&,
                                         const SharedSessionInfo&) override {
    return std::make_unique<SpoolTransaction>(spool_);
  }

 private:
  const std::shared_ptr<Spool> spool_;
};

}  // namespace

class PartialDelivery::Shared {
 public:
  Shared(std::shared_ptr<Delivery> the_delivery,
         PartialDeliveryOptions the_options)
      : delivery(std::move(the_delivery)), options(std::move(the_options)) {}

  const std::shared_ptr<Delivery> delivery;
  const PartialDeliveryOptions options;

 private:
  friend class Claim;
  std::mutex mutex_;
  std::vector<MessageKey> resending_;  // guarded by mutex_
};

// The right to send a message again. A client may have given up waiting, and
// may send it once more on another connection.
class PartialDelivery::Claim {
 public:
  // Returns null if another transaction has it.
  static std::unique_ptr<Claim> Of(std::shared_ptr<Shared> shared,
                                   const MessageKey& message) {
    const std::lock_guard<std::mutex> lock(shared->mutex_);
    auto& all = shared->resending_;
    if (std::find(all.begin(), all.end(), message) != all.end()) return nullptr;
    all.push_back(message);
    return std::unique_ptr<Claim>(new Claim(shared, message));
  }
  ~Claim() {
    const std::lock_guard<std::mutex> lock(shared_->mutex_);
    auto& all = shared_->resending_;
    all.erase(std::find(all.begin(), all.end(), message_));
  }

 private:
  Claim(std::shared_ptr<Shared> shared, MessageKey message)
      : shared_(std::move(shared)), message_(std::move(message)) {}

  const std::shared_ptr<Shared> shared_;
  const MessageKey message_;
};

// Passes a message that was held to a new transaction, with the recipients that
// do not have it. Used on the thread `here`.
class PartialDelivery::Resend : public std::enable_shared_from_this<Resend> {
 public:
  // Takes one verdict for each recipient of the envelope.
  using Done = MailTransaction::EachDone;

  Resend(std::shared_ptr<Shared> shared, Envelope envelope,
         SharedSessionInfo session, std::shared_ptr<const Spool> content,
         system::Run here)
      : shared_(std::move(shared)),
        envelope_(std::move(envelope)),
        session_(std::move(session)),
        content_(std::move(content)),
        here_(std::move(here)) {}

  // `have` are the recipients that have the message.
  void Start(const std::set<std::string>& have, Done done) {
    done_ = std::move(done);
    verdicts_.resize(envelope_.to.size(), Verdict::Accept());
    waiting_ = 1;  // for this function
    for (size_t i = 0; i < envelope_.to.size(); ++i) {
      if (have.count(envelope_.to[i].path.Address()) > 0) continue;
      if (transaction_ == nullptr) {
        transaction_ = shared_->delivery->Begin(
            {envelope_.from, envelope_.parameters, {}, envelope_.message},
            session_);
      }
      ++waiting_;
      to_.push_back(i);
      std::optional<Verdict> verdict = transaction_->AddRecipient(
          {.from = envelope_.from,
           .to = envelope_.to[i].path,
           .parameters = envelope_.to[i].parameters,
           .index = asked_++,
           .message = envelope_.message,
           .size = envelope_.parameters.size},
          [&]() -> Policy::Done { return Here(&Resend::OnRecipient, i); });
      if (verdict) OnRecipient(i, *std::move(verdict));
    }
    OnAnswer();
  }

 private:
  // Returns a callback that calls `function` with `index` and the answer, on
  // the thread `here`.
  Policy::Done Here(void (Resend::*function)(size_t, Verdict), size_t index) {
    return [self = shared_from_this(), function, index](Verdict verdict) {
      self->here_(
          [self, function, index, verdict = std::move(verdict)]() mutable {
            ((*self).*function)(index, std::move(verdict));
          });
    };
  }

  void OnRecipient(size_t index, Verdict verdict) {
    if (!verdict.accepted()) {
      to_.erase(std::find(to_.begin(), to_.end(), index));
    }
    verdicts_[index] = std::move(verdict);
    OnAnswer();
  }

  void OnAnswer() {
    if (--waiting_ > 0) return;
    if (to_.empty()) return Finish();
    Envelope envelope{
        envelope_.from, envelope_.parameters, {}, envelope_.message};
    for (const size_t i : to_) envelope.to.push_back(envelope_.to[i]);
    std::optional<Verdict> verdict = transaction_->Open(
        envelope, [&]() -> Policy::Done { return Here(&Resend::OnOpened, 0); });
    if (verdict) OnOpened(0, *std::move(verdict));
  }

  void OnOpened(size_t, Verdict verdict) {
    if (verdict.accepted()) return Pass();
    FinishWith(verdict);
  }

  // Reads the next piece, and writes it here.
  void Pass() {
    shared_->options.run([self = shared_from_this()] {
      std::string piece(kPiece, '\0');
      const ssize_t count =
          self->content_->Read(self->offset_, piece.data(), piece.size());
      piece.resize(count < 0 ? 0 : static_cast<size_t>(count));
      self->here_([self, failed = count < 0, piece = std::move(piece)] {
        self->Write(failed, piece);
      });
    });
  }

  void Write(bool failed, absl::string_view piece) {
    if (failed) {
      return FinishWith(CannotSpool(
          absl::UnavailableError("temporary file: cannot be read")));
    }
    if (piece.empty()) return Commit();
    offset_ += piece.size();
    if (transaction_->Write({&piece, 1}, [self = shared_from_this()] {
          self->here_([self] { self->Pass(); });
        })) {
      Pass();
    }
  }

  void Commit() {
    transaction_->CommitEach(
        [self = shared_from_this()](std::vector<Verdict> verdicts) {
          self->here_([self, verdicts = std::move(verdicts)]() mutable {
            self->OnCommitted(std::move(verdicts));
          });
        });
  }

  void OnCommitted(std::vector<Verdict> verdicts) {
    if (verdicts.size() != to_.size()) return FinishWith(verdicts.front());
    for (size_t i = 0; i < to_.size(); ++i) {
      verdicts_[to_[i]] = std::move(verdicts[i]);
    }
    Finish();
  }

  // Gives `verdict` to all recipients of the transaction.
  void FinishWith(const Verdict& verdict) {
    for (const size_t i : to_) verdicts_[i] = verdict;
    Finish();
  }

  void Finish() {
    transaction_.reset();
    Done done = std::move(done_);
    std::move(done)(std::move(verdicts_));
  }

  const std::shared_ptr<Shared> shared_;
  const Envelope envelope_;
  const SharedSessionInfo session_;
  const std::shared_ptr<const Spool> content_;
  const system::Run here_;
  Done done_;
  std::vector<Verdict> verdicts_;  // of all recipients of the envelope
  std::vector<size_t> to_;         // those that the transaction has
  size_t asked_ = 0;               // Rcpt::index of the next one
  size_t waiting_ = 0;             // answers that are due
  std::unique_ptr<MailTransaction> transaction_;
  uint64_t offset_ = 0;  // of content_
};

class PartialDelivery::Transaction : public MailTransaction {
 public:
  Transaction(std::shared_ptr<Shared> shared, const Envelope& envelope,
              SharedSessionInfo session)
      : shared_(std::move(shared)),
        session_(std::move(session)),
        transaction_(shared_->delivery->Begin(envelope, session_)) {}

  std::optional<Verdict> AddRecipient(const Rcpt& rcpt,
                                      Policy::Later later) override {
    return transaction_->AddRecipient(rcpt, later);
  }

  std::optional<Verdict> Open(const Envelope& envelope,
                              Policy::Later later) override {
    if (session_->hello_verb == Hello::Verb::kLhlo) {
      return transaction_->Open(envelope, later);
    }
    const AcceptedRecipients* const accepted = options().accepted;
    if (accepted != nullptr) {
      key_.destination = options().destination;
      key_.sender = envelope.from.Address();
      held_ = accepted->AnyHas(key_.destination, key_.sender, envelope.to);
    }
    // One recipient has one verdict.
    if (!held_ && envelope.to.size() == 1) {
      return transaction_->Open(envelope, later);
    }
    envelope_ = envelope;
    if (accepted != nullptr) digest_.emplace();
    if (!held_) return transaction_->Open(envelope, later);
    content_ = std::make_shared<Spool>(options().directory);
    transaction_ =
        PooledDelivery(std::make_shared<SpoolDelivery>(content_), options().run)
            .Begin({}, session_);
    return transaction_->Open(envelope, later);
  }

  bool Write(absl::Span<const absl::string_view> slices,
             absl::AnyInvocable<void() &&> ready) override {
    // The first call has this server's own fields, which are new each time.
    if (std::exchange(traced_, true) && digest_) {
      for (const absl::string_view slice : slices) digest_->Append(slice);
    }
    return transaction_->Write(slices, std::move(ready));
  }

  // `done` keeps this object alive until it is called.
  void Commit(Policy::Done done) override {
    if (envelope_.to.empty()) return transaction_->Commit(std::move(done));
    if (digest_) {
      identified_ = digest_->identified();
      key_.content = digest_->Finish();
    }
    if (!held_) {
      return transaction_->CommitEach(
          [this, done = std::move(done)](std::vector<Verdict> each) mutable {
            Conclude(std::move(each), std::move(done));
          });
    }
    transaction_->Commit([this, here = OnThisThread(),
                          done = std::move(done)](Verdict verdict) mutable {
      here([this, here, verdict = std::move(verdict),
            done = std::move(done)]() mutable {
        if (!verdict.accepted()) return std::move(done)(std::move(verdict));
        SendAgain(std::move(here), std::move(done));
      });
    });
  }

  void CommitEach(EachDone done) override {
    transaction_->CommitEach(std::move(done));
  }

  void OnReplied() override {
    if (!held_) return transaction_->OnReplied();
    if (!complete_) return;
    // The client does not send the message again.
    options().run([shared = shared_, key = key_, to = Addresses(envelope_)] {
      const absl::Status status = shared->options.accepted->Remove(key, to);
      if (!status.ok()) shared->options.report(status.message());
    });
  }

 private:
  const PartialDeliveryOptions& options() const { return shared_->options; }

  static std::vector<std::string> Addresses(const Envelope& envelope) {
    std::vector<std::string> to;
    to.reserve(envelope.to.size());
    for (const Recipient& recipient : envelope.to) {
      to.push_back(recipient.path.Address());
    }
    return to;
  }

  void SendAgain(system::Run here, Policy::Done done) {
    if (identified_) {
      claim_ = Claim::Of(shared_, key_);
      if (claim_ == nullptr) {
        return std::move(done)(
            Verdict::Refuse({451,
                             {4, 3, 0},
                             "this message is still being delivered (#4.3.0)"})
                .By(kRule));
      }
      have_ = options().accepted->Of(key_);
    }
    const auto resend = std::make_shared<Resend>(shared_, envelope_, session_,
                                                 content_, std::move(here));
    resend->Start(have_, [this, done = std::move(done)](
                             std::vector<Verdict> each) mutable {
      Conclude(std::move(each), std::move(done));
    });
  }

  // Answers with one verdict.
  void Conclude(std::vector<Verdict> each, Policy::Done done) {
    if (each.size() != envelope_.to.size()) {
      each.resize(envelope_.to.size(), Verdict(each.front()));
    }
    std::vector<std::string> added;  // recipients that have it now
    const Verdict* acceptance = nullptr;
    size_t accepted = 0;
    for (size_t i = 0; i < each.size(); ++i) {
      if (!each[i].accepted()) continue;
      ++accepted;
      std::string address = envelope_.to[i].path.Address();
      if (have_.count(address) > 0) continue;
      added.push_back(std::move(address));
      if (acceptance == nullptr) acceptance = &each[i];
    }
    const bool all = accepted == each.size();
    if (!all && accepted > 0 && options().note) {
      options().note(envelope_, *session_, each);
    }
    Verdict verdict = ForAll(each, accepted, acceptance);
    // Recipients are remembered if the client sends the message again. It may
    // do that even after a 250, if it does not get it. A message that another
    // one could equal is not remembered: a duplicate is better than a loss.
    const bool remember =
        identified_ && !added.empty() && (!all || !have_.empty());
    complete_ = all && !have_.empty();
    if (!remember) return std::move(done)(std::move(verdict));
    options().run([this, added = std::move(added), verdict = std::move(verdict),
                   done = std::move(done)]() mutable {
      const log::LogScope scope({session_->session_id, envelope_.message});
      const absl::Status status = options().accepted->Add(key_, added);
      // The recipients have the message, whatever the disk does.
      if (!status.ok()) options().report(status.message());
      std::move(done)(std::move(verdict));
    });
  }

  // `acceptance` is one of a recipient that did not have the message before, or
  // null.
  Verdict ForAll(const std::vector<Verdict>& each, size_t accepted,
                 const Verdict* acceptance) const {
    if (accepted == each.size() ||
        (accepted > 0 && options().reply == PartialReply::kAccept)) {
      return acceptance != nullptr ? *acceptance : Verdict::Accept().By(kRule);
    }
    const size_t refused = FirstRefusal(each);
    const Verdict& refusal = each[refused];
    if (accepted == 0 || options().reply == PartialReply::kRefuse) {
      return refusal;
    }
    Reply reply{
        451,
        {4, 5, 0},
        absl::StrCat(accepted, " of ", each.size(),
                     " recipients have the message, send it again for the "
                     "others: ",
                     FormatPath(envelope_.to[refused].path), ": ",
                     Quote(*refusal.reply()), " (#4.5.0)")};
    return Verdict::Refuse(std::move(reply))
        .By(refusal.rule())
        .From(refusal.source());
  }

  const std::shared_ptr<Shared> shared_;
  const SharedSessionInfo session_;
  // Of the delivery. If the content is held, of a SpoolDelivery.
  std::unique_ptr<MailTransaction> transaction_;
  bool held_ = false;
  bool traced_ = false;      // Write() was called
  bool identified_ = false;  // ContentDigest::identified()
  bool complete_ = false;    // all recipients have it, and some had it before
  Envelope envelope_;        // empty: LMTP, or one recipient
  std::optional<ContentDigest> digest_;
  MessageKey key_;  // with `digest_`; its content from Commit() on
  std::shared_ptr<Spool> content_;
  std::unique_ptr<Claim> claim_;
  std::set<std::string> have_;
};

PartialDelivery::PartialDelivery(std::shared_ptr<Delivery> delivery,
                                 PartialDeliveryOptions options)
    : shared_(
          std::make_shared<Shared>(std::move(delivery), std::move(options))) {}

PartialDelivery::~PartialDelivery() = default;

ExtensionSet PartialDelivery::carries() const {
  return shared_->delivery->carries();
}

bool PartialDelivery::ServesRemote(const Path& recipient) const {
  return shared_->delivery->ServesRemote(recipient);
}

bool PartialDelivery::LooksUpRecipients() const {
  return shared_->delivery->LooksUpRecipients();
}

std::unique_ptr<MailTransaction> PartialDelivery::Begin(
    const Envelope& envelope, const SharedSessionInfo& session) {
  return std::make_unique<Transaction>(shared_, envelope, session);
}

void PartialDelivery::OnContentRefused(const Refusal& refusal,
                                       const SessionInfo& session) {
  shared_->delivery->OnContentRefused(refusal, session);
}

}  // namespace postern::delivery
