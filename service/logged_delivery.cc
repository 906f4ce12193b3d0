// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "service/logged_delivery.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "log/log.h"
#include "log/log_line.h"

namespace postern::service {
namespace {

using Clock = std::chrono::steady_clock;
using log::LogLine;

// Returns the fields that describe the origin of a message.
log::LogLine Origin(const Path& from, const SessionInfo& session) {
  log::LogLine fields = log::LogLine::Fields(log::LineStyle());
  fields.Ip("ip", session.remote_address);
  if (session.remote_port != 0) fields.Number("port", session.remote_port);
  fields.Endpoint("listener", session.local_address, session.local_port);
  if (!session.identity.empty()) {
    fields.Text("user", session.identity, log::kMaxLoggedName);
  }
  fields.Address("from", from);
  return fields;
}

MessageFacts Facts(const Envelope& envelope, const SessionInfo& session) {
  return {session.session_id, envelope.message, 0, envelope.to.size(),
          Origin(envelope.from, session)};
}

}  // namespace

class LoggedDelivery::Transaction : public MailTransaction {
 public:
  Transaction(std::unique_ptr<MailTransaction> transaction,
              LoggedDelivery* delivery, SharedSessionInfo session)
      : transaction_(std::move(transaction)),
        delivery_(*delivery),
        session_(std::move(session)) {}

  ~Transaction() override {
    if (!facts_) return;
    if (delivery_.messages_ != nullptr && delivery_.messages_->interrupted()) {
      log::WriteLog(MessageLine("interrupted", *facts_));
    } else {
      delivery_.refused_ = std::move(facts_);
    }
  }

  std::optional<Verdict> AddRecipient(const Rcpt& rcpt,
                                      Policy::Later later) override {
    return transaction_->AddRecipient(rcpt, later);
  }

  std::optional<Reply> Open(const Envelope& envelope) override {
    facts_ = std::make_unique<MessageFacts>(Facts(envelope, *session_));
    delivery_.refused_.reset();  // from a message that ended without an answer
    std::optional<Reply> refusal = transaction_->Open(envelope);
    if (refusal) {
      if (delivery_.metrics_ != nullptr) {
        delivery_.metrics_->CountMessage(/*accepted=*/false);
      }
      log::WriteLog(MessageLine("refuse", *facts_).Answer("reply", *refusal));
      facts_.reset();
    }
    return refusal;
  }

  bool Write(absl::Span<const absl::string_view> slices,
             absl::AnyInvocable<void() &&> ready) override {
    for (absl::string_view slice : slices) facts_->size += slice.size();
    return transaction_->Write(slices, std::move(ready));
  }

  void Commit(Policy::Done done) override {
    committed_ = std::make_unique<MessagesUnderWay::Pending>(
        delivery_.messages_, *std::move(facts_));
    facts_.reset();
    Metrics* const metrics = delivery_.metrics_;
    // `done` keeps this object alive until it is called.
    transaction_->Commit([this, metrics, id = delivery_.id_,
                          since = metrics == nullptr ? Clock::time_point()
                                                     : Clock::now(),
                          done = std::move(done)](Verdict verdict) mutable {
      if (verdict.accepted() && !verdict.reply()) {
        verdict = Verdict::Accept({250, {2, 0, 0}, absl::StrCat("ok ", id)});
      }
      if (metrics != nullptr) {
        metrics->CountMessage(verdict.accepted());
        metrics->CountDelivery(absl::FromChrono(Clock::now() - since));
      }
      reply_ = log::LogLine::Fields(log::LineStyle());
      reply_->Answer("reply", *verdict.reply());
      committed_->Answer(verdict.accepted());
      std::move(done)(std::move(verdict));
    });
  }

  void OnReplied() override {
    transaction_->OnReplied();
    committed_->Log(*reply_);
  }

 private:
  const std::unique_ptr<MailTransaction> transaction_;
  LoggedDelivery& delivery_;  // may be destroyed after Commit()
  const SharedSessionInfo session_;
  // Null until there is a message to log. A session can wait for a long time
  // within a transaction, so the object is small.
  std::unique_ptr<MessageFacts> facts_;  // from Open() to Commit()
  std::unique_ptr<MessagesUnderWay::Pending> committed_;
  std::optional<log::LogLine> reply_;  // set when the delivery has answered
};

std::unique_ptr<MailTransaction> LoggedDelivery::Begin(
    const Envelope& envelope, const SharedSessionInfo& session) {
  id_ = log::MessageId({session->session_id, envelope.message});
  return std::make_unique<Transaction>(delivery_.Begin(envelope, session), this,
                                       session);
}

void LoggedDelivery::OnContentRefused(const Refusal& refusal,
                                      const SessionInfo& session) {
  if (metrics_ != nullptr) metrics_->CountMessage(/*accepted=*/false);
  // Otherwise refused_ belongs to an earlier message.
  if (refused_ != nullptr && refused_->message == refusal.message) {
    log::WriteLog(
        MessageLine("refuse", *refused_).Answer("reply", refusal.reply));
    refused_.reset();
    return;
  }
  // A first chunk that is too large is refused before Open(), so there are no
  // facts.
  log::WriteLog(log::LogLine("message", log::LineStyle(),
                             {session.session_id, refusal.message})
                    .Word("result", "refuse")
                    .Ip("ip", session.remote_address)
                    .Answer("reply", refusal.reply));
}

TraceStamp LoggedDelivery::Stamp() { return {absl::Now(), id_}; }

}  // namespace postern::service
