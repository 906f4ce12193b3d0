// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "service/logged_delivery.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/types/span.h"
#include "log/log.h"
#include "log/log_line.h"
#include "policy/decision.h"

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
        messages_(delivery->messages_),
        session_(std::move(session)) {}

  ~Transaction() override {
    if (!facts_) return;
    if (messages_ != nullptr && messages_->interrupted()) {
      log::WriteLog(MessageLine("interrupted", *facts_));
    } else if (has_content_) {
      delivery_.refused_ = std::move(facts_);
    }
  }

  std::optional<Verdict> AddRecipient(const Rcpt& rcpt,
                                      Policy::Later later) override {
    return transaction_->AddRecipient(rcpt, later);
  }

  std::optional<Verdict> Open(const Envelope& envelope,
                              Policy::Later later) override {
    facts_ = std::make_unique<MessageFacts>(Facts(envelope, *session_));
    delivery_.refused_.reset();  // from a message that ended without an answer
    if (session_->hello_verb == Hello::Verb::kLhlo) {
      each_ = std::make_unique<EachRecipient>();
      each_->envelope = envelope;
    }
    // `done` keeps this object alive until it is called. Then the delivery_
    // may be gone.
    const auto ours = [this, metrics = delivery_.metrics_,
                       later]() -> Policy::Done {
      return [this, metrics, done = later()](Verdict verdict) mutable {
        Opened(metrics, verdict);
        std::move(done)(std::move(verdict));
      };
    };
    std::optional<Verdict> verdict = transaction_->Open(envelope, ours);
    if (verdict) Opened(delivery_.metrics_, *verdict);
    return verdict;
  }

  bool Write(absl::Span<const absl::string_view> slices,
             absl::AnyInvocable<void() &&> ready) override {
    has_content_ = true;
    for (absl::string_view slice : slices) facts_->size += slice.size();
    return transaction_->Write(slices, std::move(ready));
  }

  void Commit(Policy::Done done) override {
    Answering answering = BeginToCommit();
    // `done` keeps this object alive until it is called.
    transaction_->Commit([this, answering = std::move(answering),
                          done = std::move(done)](Verdict verdict) mutable {
      Answered(answering, {&verdict, 1});
      std::move(done)(std::move(verdict));
    });
  }

  void CommitEach(EachDone done) override {
    Answering answering = BeginToCommit();
    transaction_->CommitEach(
        [this, answering = std::move(answering),
         done = std::move(done)](std::vector<Verdict> verdicts) mutable {
          Answered(answering, absl::MakeSpan(verdicts));
          std::move(done)(std::move(verdicts));
        });
  }

  void OnReplied() override {
    transaction_->OnReplied();
    if (committed_ == nullptr) {
      log::WriteLog(
          MessageLine("refuse", *std::exchange(facts_, nullptr)).Add(*reply_));
      return;
    }
    committed_->Log(*reply_);
    if (each_ == nullptr) return;
    for (log::LogLine& line : each_->refused) log::WriteLog(line);
  }

 private:
  // What the answer to a message needs: the LoggedDelivery may be gone then.
  struct Answering {
    Metrics* metrics;
    std::string id;
    Clock::time_point since;  // with `metrics`
  };

  // LMTP has an answer for each recipient.
  struct EachRecipient {
    Envelope envelope;
    std::vector<log::LogLine> refused;  // lines, once it is answered
  };

  // The delivery has answered Open().
  void Opened(Metrics* metrics, const Verdict& verdict) {
    if (verdict.accepted()) return;
    if (metrics != nullptr) metrics->CountMessage(/*accepted=*/false);
    reply_ = std::make_unique<LogLine>(ReplyFields(verdict));
  }

  // Returns the fields about an answer with a reply.
  static log::LogLine ReplyFields(const Verdict& verdict) {
    log::LogLine fields = log::LogLine::Fields(log::LineStyle());
    if (!verdict.rule().empty()) {
      fields.Word("rule", verdict.rule());
      fields.Sentence("source", verdict.source(), log::kMaxLoggedText);
    }
    fields.Answer("reply", *verdict.reply());
    return fields;
  }

  Answering BeginToCommit() {
    committed_ = std::make_unique<MessagesInProgress::Pending>(
        delivery_.messages_, *std::move(facts_));
    facts_.reset();
    Metrics* const metrics = delivery_.metrics_;
    return {metrics, delivery_.id_,
            metrics == nullptr ? Clock::time_point() : Clock::now()};
  }

  // The delivery has answered, with one verdict or with one for each recipient.
  void Answered(const Answering& answering, absl::Span<Verdict> verdicts) {
    // Of the first recipient that is accepted, or of all.
    const Verdict* shown = nullptr;
    bool accepted = false;
    size_t refused = 0;
    for (Verdict& verdict : verdicts) {
      if (verdict.accepted() && !verdict.reply()) {
        verdict = std::move(verdict).With(
            Reply{250, {2, 0, 0}, absl::StrCat("ok ", answering.id)});
      }
      if (shown == nullptr || (verdict.accepted() && !accepted)) {
        shown = &verdict;
      }
      accepted = accepted || verdict.accepted();
      if (!verdict.accepted()) ++refused;
    }
    if (answering.metrics != nullptr) {
      answering.metrics->CountMessage(accepted);
      answering.metrics->CountDelivery(
          absl::FromChrono(Clock::now() - answering.since));
    }
    reply_ = std::make_unique<LogLine>(LogLine::Fields(log::LineStyle()));
    if (accepted && refused > 0) reply_->Number("refused", refused);
    reply_->Add(ReplyFields(*shown));
    committed_->Answer(accepted);
    if (each_ == nullptr || verdicts.size() < 2) return;
    const Envelope& envelope = each_->envelope;
    for (size_t i = 0; i < verdicts.size() && i < envelope.to.size(); ++i) {
      if (verdicts[i].accepted()) continue;
      each_->refused.push_back(
          policy::LogDecision({.kind = verdicts[i].kind(),
                               .rule = std::string(verdicts[i].rule()),
                               .message = envelope.message,
                               .source = verdicts[i].source(),
                               .from = envelope.from,
                               .to = envelope.to[i].path,
                               .reply = *verdicts[i].reply()},
                              *session_, log::LineStyle()));
    }
  }

  const std::unique_ptr<MailTransaction> transaction_;
  // Destroyed before this object only if the session ends while the answer to
  // Open() or Commit() is due.
  LoggedDelivery& delivery_;
  MessagesInProgress* const messages_;
  const SharedSessionInfo session_;
  // Null until there is a message to log. A session can wait for a long time
  // within a transaction, so the object is small.
  std::unique_ptr<MessageFacts> facts_;  // from Open() to Commit()
  bool has_content_ = false;             // Write() was called
  std::unique_ptr<MessagesInProgress::Pending> committed_;
  std::unique_ptr<LogLine> reply_;       // of a refused Open(), or the message
  std::unique_ptr<EachRecipient> each_;  // null: not LMTP
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
