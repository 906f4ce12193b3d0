// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "service/logged_delivery.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "log/log.h"
#include "log/log_line.h"

namespace postern::service {
namespace {

using Clock = std::chrono::steady_clock;
using log::LogLine;

// Returns the fields that say whom a message came from.
LogLine Origin(const Path& from, const SessionInfo& session) {
  LogLine fields = LogLine::Fields(log::LineStyle());
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

class LoggedDelivery::Sink : public MessageSink {
 public:
  Sink(std::unique_ptr<MessageSink> sink, LoggedDelivery* delivery,
       MessageFacts facts)
      : sink_(std::move(sink)),
        delivery_(*delivery),
        facts_(std::move(facts)) {}

  ~Sink() override {
    if (committed_) return;
    if (delivery_.messages_ != nullptr && delivery_.messages_->interrupted()) {
      log::WriteLog(MessageLine("interrupted", facts_));
    } else {
      delivery_.refused_ = std::make_unique<MessageFacts>(std::move(facts_));
    }
  }

  bool Write(absl::Span<const absl::string_view> slices,
             absl::AnyInvocable<void() &&> ready) override {
    for (absl::string_view slice : slices) facts_.size += slice.size();
    return sink_->Write(slices, std::move(ready));
  }

  void Commit(Policy::Done done) override {
    committed_.emplace(delivery_.messages_, std::move(facts_));
    Metrics* const metrics = delivery_.metrics_;
    // `done` keeps this, until it is called.
    sink_->Commit([this, metrics, id = delivery_.id_,
                   since =
                       metrics == nullptr ? Clock::time_point() : Clock::now(),
                   done = std::move(done)](Verdict verdict) mutable {
      if (verdict.accepted() && !verdict.reply()) {
        verdict = Verdict::Accept({250, {2, 0, 0}, absl::StrCat("ok ", id)});
      }
      if (metrics != nullptr) {
        metrics->CountMessage(verdict.accepted());
        metrics->CountDelivery(absl::FromChrono(Clock::now() - since));
      }
      reply_ = LogLine::Fields(log::LineStyle());
      reply_->Answer("reply", *verdict.reply());
      committed_->Answer(verdict.accepted());
      std::move(done)(std::move(verdict));
    });
  }

  void OnReplied() override {
    sink_->OnReplied();
    committed_->Log(*reply_);
  }

 private:
  const std::unique_ptr<MessageSink> sink_;
  LoggedDelivery& delivery_;  // may be gone once this commits
  MessageFacts facts_;        // until then
  std::optional<MessagesUnderWay::Pending> committed_;
  std::optional<LogLine> reply_;  // once it is answered
};

Delivery::Opened LoggedDelivery::Open(const Envelope& envelope,
                                      const SessionInfo& session) {
  MessageFacts facts = Facts(envelope, session);
  id_ = log::MessageId({facts.session, facts.message});
  refused_.reset();  // of a message that was given up
  Opened opened = delivery_.Open(envelope, session);
  if (const auto* refusal = std::get_if<Reply>(&opened)) {
    if (metrics_ != nullptr) metrics_->CountMessage(/*accepted=*/false);
    log::WriteLog(MessageLine("refuse", facts).Answer("reply", *refusal));
    return opened;
  }
  return std::make_unique<Sink>(
      std::get<std::unique_ptr<MessageSink>>(std::move(opened)), this,
      std::move(facts));
}

void LoggedDelivery::OnContentRefused(const Refusal& refusal,
                                      const SessionInfo& session) {
  if (metrics_ != nullptr) metrics_->CountMessage(/*accepted=*/false);
  // Or the sink was that of a message that was given up before.
  if (refused_ != nullptr && refused_->message == refusal.message) {
    log::WriteLog(
        MessageLine("refuse", *refused_).Answer("reply", refusal.reply));
    refused_.reset();
    return;
  }
  // A first chunk that is too large is refused before there is a sink.
  log::WriteLog(LogLine("message", log::LineStyle(),
                        {session.session_id, refusal.message})
                    .Word("result", "refuse")
                    .Ip("ip", session.remote_address)
                    .Answer("reply", refusal.reply));
}

TraceStamp LoggedDelivery::Stamp() { return {absl::Now(), id_}; }

}  // namespace postern::service
